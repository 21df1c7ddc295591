SELECT queue, count(*) FROM workers, unnest(queues) AS queue
WHERE seen_at >= clock_timestamp() - make_interval(secs => %(seconds)s)
GROUP BY queue
