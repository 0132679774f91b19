# 获取最新执行记录
curl -X GET "https://api.datahub.example.com/api/v1/jobs/executions?limit=50" \
  -H "Authorization: Bearer YOUR_TOKEN"

# 搜索失败的执行
curl -X GET "https://api.datahub.example.com/api/v1/jobs/executions?search=failed" \
  -H "Authorization: Bearer YOUR_TOKEN"

# 获取指定时间范围的执行记录
curl -X GET "https://api.datahub.example.com/api/v1/jobs/executions?after=2026-01-01T00:00:00Z&before=2026-01-15T00:00:00Z" \
  -H "Authorization: Bearer YOUR_TOKEN"
