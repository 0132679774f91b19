-- What both scripts share. The constants above this line are put there by script.py.
-- A run is in one place at a time; its job's field `place` says which: queue, aside (popped) or node.

local function list_of(queue) return QUEUE_PREFIX .. queue end
local function aside_of(queue) return QUEUE_PREFIX .. queue .. ':intermediate' end

-- The score of what waits at the queue's head; nothing when it is empty.
local function head_score(queue)
  local head = redis.call('LINDEX', list_of(queue), 0)
  return head and tonumber(redis.call('HGET', JOB_PREFIX .. head, 'score') or '0')
end

-- A queue's rank is the score of its head; an empty queue has none.
local function rank(queue, score)
  if score then
    redis.call('ZADD', NONEMPTY, score, queue)
  else
    redis.call('ZREM', NONEMPTY, queue)
  end
end
