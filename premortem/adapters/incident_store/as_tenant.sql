SELECT set_config('app.tenant', %(tenant)s, true)
