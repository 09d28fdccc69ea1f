-- Places for requests in flight, leased to processes. One call settles the places of many clients.
-- KEYS: one hash for each client, which holds "places:deadline in milliseconds" by process.
-- ARGV: the process, how long its leases last in milliseconds; then of each client its limit, how many places the process
-- uses at this moment, and how many it wants in all. What is in use is never refused: it cannot be undone.
-- Answer: of each client the places that the process has from now on, and the places of all processes together.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local process, lease = ARGV[1], tonumber(ARGV[2])
local answer = {}
for n, key in ipairs(KEYS) do
  local limit, used, wanted = tonumber(ARGV[3 * n]), tonumber(ARGV[3 * n + 1]), tonumber(ARGV[3 * n + 2])
  local others = 0
  local leases = redis.call('HGETALL', key)
  for field = 1, #leases, 2 do
    local places, deadline = string.match(leases[field + 1], '(%d+):(%d+)')
    if tonumber(deadline) <= now then
      redis.call('HDEL', key, leases[field])
    elseif leases[field] ~= process then
      others = others + places
    end
  end
  local granted = math.max(used, math.min(wanted, limit - others))
  if granted > 0 then
    redis.call('HSET', key, process, string.format('%d:%.0f', granted, now + lease))
    redis.call('PEXPIRE', key, lease)
  else
    redis.call('HDEL', key, process)
  end
  answer[2 * n - 1], answer[2 * n] = granted, others + granted
end
return answer
