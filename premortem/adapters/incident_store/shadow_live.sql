SELECT * FROM public.the_table WHERE the_key = ANY (%(ids)s::text[])
