# 通过数字 ID 获取
curl -X GET "https://api.datahub.example.com/api/v1/jobs/1" \
  -H "Authorization: Bearer YOUR_TOKEN"

# 通过任务名称获取
curl -X GET "https://api.datahub.example.com/api/v1/jobs/sync_klines_1h" \
  -H "Authorization: Bearer YOUR_TOKEN"
