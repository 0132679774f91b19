-- ARGV: the biases as JSON {lane: seconds}. They replace all there were, and every queue that has one is ranked anew.

redis.call('DEL', BIAS)
for lane, seconds in pairs(cjson.decode(ARGV[1])) do redis.call('HSET', BIAS, lane, seconds) end
for _, queue in ipairs(redis.call('ZRANGE', NONEMPTY, 0, -1)) do
  if queue:match(BIASED) then rank(queue, head_score(queue)) end
end
