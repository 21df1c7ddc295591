-- Deploys that were reported for one environment at `since` or later, in order.
SELECT tenant_id, project_id, deploy_id, toUnixTimestamp64Milli(deployed_at) AS deployed_ms, release, environment
FROM deploys FINAL
WHERE tenant_id = {tenant:String} AND project_id = {project:Int64}
  AND environment = {environment:String}
  AND deployed_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
ORDER BY deployed_ms, deploy_id
LIMIT {limit:Int64}
