# 获取所有任务
curl -X GET "https://api.datahub.example.com/api/v1/jobs" \
  -H "Authorization: Bearer YOUR_TOKEN"

# 搜索 kline 相关任务
curl -X GET "https://api.datahub.example.com/api/v1/jobs?search=kline" \
  -H "Authorization: Bearer YOUR_TOKEN"

# 按名称倒序排列
curl -X GET "https://api.datahub.example.com/api/v1/jobs?order_by=name&order_desc=true" \
  -H "Authorization: Bearer YOUR_TOKEN"
