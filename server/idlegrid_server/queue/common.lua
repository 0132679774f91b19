-- What the scripts share. The constants above this line are put there by script.py.
-- A run is in one place at a time; its job's field `place` says which: queue, aside (popped) or node.

local function list_of(queue) return QUEUE_PREFIX .. queue end
local function aside_of(queue) return QUEUE_PREFIX .. queue .. ':intermediate' end

-- Seconds that what waits in the queue counts as having come later. Only submitters' lanes have any.
local function bias(queue)
  local lane = queue:match(BIASED)
  return lane and tonumber(redis.call('HGET', BIAS, lane) or '0') or 0
end

-- The score of what waits at the queue's head, with the queue's bias; nothing when it is empty.
local function head_score(queue)
  local head = redis.call('LINDEX', list_of(queue), 0)
  return head and tonumber(redis.call('HGET', JOB_PREFIX .. head, 'score') or '0') + bias(queue)
end

-- A queue's rank is the score of its head; an empty queue has none.
local function rank(queue, score)
  if score then
    redis.call('ZADD', NONEMPTY, score, queue)
  else
    redis.call('ZREM', NONEMPTY, queue)
  end
end
