-- ARGV: verb, queue, now (as RQ writes times), then the verb's items. Each verb may be repeated without harm.

local verb, queue, now = ARGV[1], ARGV[2], ARGV[3]
local FIRST = 4
local waiting, aside, executing = list_of(queue), aside_of(queue), EXECUTING_PREFIX .. queue

local function place(uuid) return redis.call('HGET', JOB_PREFIX .. uuid, 'place') end
local function execution(uuid) return uuid .. ':attempt' end

-- Out of wherever the run is. Where its job is gone (deleted by hand), look everywhere.
local function take_out(uuid, where)
  if where ~= 'aside' and where ~= 'node' then redis.call('LREM', waiting, 1, uuid) end
  if where ~= 'queue' and where ~= 'node' then redis.call('LREM', aside, 1, uuid) end
  if where ~= 'queue' and where ~= 'aside' then redis.call('ZREM', executing, execution(uuid)) end
end

-- One call for many: `items` go to the command together.
local function together(command, key, items)
  if #items > 0 then redis.call(command, key, unpack(items)) end
end

local function put(command)
  local fields = {'score', '', 'created_at', now, 'enqueued_at', now, 'origin', queue, 'place', 'queue'}
  for _, word in ipairs(TEMPLATE) do fields[#fields + 1] = word end
  local there, pushed = redis.call('EXISTS', waiting) == 1, {}
  for i = FIRST, #ARGV, 2 do
    local uuid, where = ARGV[i], place(ARGV[i])
    if not (where == 'queue' and there) then
      if where then take_out(uuid, where) end
      fields[2] = ARGV[i + 1]
      redis.call('HSET', JOB_PREFIX .. uuid, unpack(fields))
      pushed[#pushed + 1] = uuid
    end
  end
  together(command, waiting, pushed)
  redis.call('SADD', QUEUES, waiting)
  rank(queue, head_score(queue))
end

local verbs = {}

function verbs.back() put('RPUSH') end

function verbs.front() put('LPUSH') end

function verbs.started()
  local requeued, executions = false, {}
  for i = FIRST, #ARGV, 2 do
    local uuid, where = ARGV[i], place(ARGV[i])
    requeued = requeued or where ~= 'aside'
    take_out(uuid, where)
    executions[#executions + 1] = FAR_FUTURE
    executions[#executions + 1] = execution(uuid)
    redis.call('HSET', JOB_PREFIX .. uuid, 'place', 'node', 'status', 'started', 'origin', queue,
      'worker_name', ARGV[i + 1], 'started_at', now)
  end
  together('ZADD', executing, executions)
  redis.call('SADD', QUEUES, waiting)
  if requeued then rank(queue, head_score(queue)) end
end

-- A node that is gone has no record any more, and counting must not make half a one.
local function count(tally)
  for worker, counters in pairs(tally) do
    if redis.call('EXISTS', worker) == 1 then
      for counter, by in pairs(counters) do redis.call('HINCRBY', worker, counter, by) end
    end
  end
end

function verbs.ended()
  local executions, jobs, tally = {}, {}, {}
  for i = FIRST, #ARGV, 3 do
    local uuid, worker, counter = ARGV[i], WORKER_PREFIX .. ARGV[i + 1], ARGV[i + 2]
    local where = place(uuid)
    if where == 'aside' then take_out(uuid, where) end
    if where ~= 'queue' then jobs[#jobs + 1] = JOB_PREFIX .. uuid end
    executions[#executions + 1] = execution(uuid)
    if counter ~= '' then
      tally[worker] = tally[worker] or {}
      tally[worker][counter] = (tally[worker][counter] or 0) + 1
    end
  end
  redis.call('ZREM', executing, unpack(executions))
  if #jobs > 0 then redis.call('DEL', unpack(jobs)) end
  count(tally)
end

function verbs.removed()
  for i = FIRST, #ARGV do
    take_out(ARGV[i], place(ARGV[i]))
    redis.call('DEL', JOB_PREFIX .. ARGV[i])
  end
  rank(queue, head_score(queue))
end

-- The caller does not know the queue: the job does.
function verbs.dropped()
  for i = FIRST, #ARGV do
    local job = JOB_PREFIX .. ARGV[i]
    local found = redis.call('HMGET', job, 'place', 'origin')
    if found[1] == 'aside' then
      redis.call('LREM', aside_of(found[2]), 1, ARGV[i])
      redis.call('DEL', job)
    end
  end
end

verbs[verb]()
