-- ARGV: slots, cores, memory (MB), and the queues the node can serve, oldest head first, as JSON [[name, cpu, MB], ...].
-- Returns the UUIDs popped. Which queues a node can serve was decided in Python; here only room and age count.

local slots, cpu, memory = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local fresh, at = cjson.decode(ARGV[4]), 1
local opened, popped = {}, {}

local function fits(queue) return queue[2] <= cpu and queue[3] <= memory end

local function older(a, b)
  if not b then return true end
  if a.score ~= b.score then return a.score < b.score end
  return a[1] < b[1]
end

-- The next queue nobody has popped from in this call. Room only shrinks: what does not fit now never will.
local function next_fresh()
  while at <= #fresh do
    local queue = fresh[at]
    if fits(queue) then
      queue.score = queue.score or tonumber(redis.call('ZSCORE', NONEMPTY, queue[1]) or nil)
      if queue.score then return queue end
    end
    at = at + 1
  end
end

local function oldest()
  local best
  for _, queue in ipairs(opened) do
    if queue.score and fits(queue) and older(queue, best) then best = queue end
  end
  local queue = next_fresh()
  if queue and older(queue, best) then
    at = at + 1
    opened[#opened + 1] = queue
    return queue
  end
  return best
end

local function pop(queue)
  local name = queue[1]
  local uuid = redis.call('LPOP', list_of(name))
  if uuid then
    redis.call('RPUSH', aside_of(name), uuid)
    redis.call('HSET', JOB_PREFIX .. uuid, 'place', 'aside', 'origin', name)
    popped[#popped + 1] = uuid
    slots, cpu, memory = slots - 1, cpu - queue[2], memory - queue[3]
  end
  queue.score = head_score(name)
end

if redis.call('EXISTS', SUSPENDED) == 1 then return popped end
while slots > 0 do
  local queue = oldest()
  if not queue then break end
  pop(queue)
end
for _, queue in ipairs(opened) do rank(queue[1], queue.score) end
return popped
