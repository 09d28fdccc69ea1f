-- Token buckets (GCRA). One call asks for many requests; a request takes from all of its buckets or from none.
-- KEYS: the buckets, request after request.
-- ARGV: how many buckets the request has, its cost, then interval and capacity of each bucket; request after request.
-- Answer: allowed (1 or 0), then remaining, retry_after_us, full_after_us of each bucket; request after request.
-- Redis' own clock in whole microseconds (below 2^53, so exact): callers' clocks do not matter.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answer = {}
local key, arg = 1, 1
while arg <= #ARGV do
  local count, cost = tonumber(ARGV[arg]), tonumber(ARGV[arg + 1])
  local allowed, buckets = 1, {}
  for n = 1, count do
    local interval, capacity = tonumber(ARGV[arg + 2 * n]), tonumber(ARGV[arg + 2 * n + 1])
    local debt = math.max((tonumber(redis.call('GET', KEYS[key + n - 1])) or 0) - now, 0)
    local over = debt + (cost - capacity) * interval
    if over > 0 then allowed = 0 end
    if cost > capacity then over = -1 end
    buckets[n] = { interval, capacity, debt, over }
  end
  answer[#answer + 1] = allowed
  for n = 1, count do
    local interval, capacity, debt, over = unpack(buckets[n])
    local room = math.floor((capacity * interval - debt) / interval)
    if allowed == 1 then
      debt, room, over = debt + cost * interval, room - cost, 0
      if cost > 0 then
        redis.call('SET', KEYS[key + n - 1], string.format('%.0f', now + debt), 'PX', math.ceil(debt / 1000) + 1)
      end
    end
    answer[#answer + 1] = room
    answer[#answer + 1] = over == -1 and -1 or math.max(over, 0)
    answer[#answer + 1] = debt
  end
  key, arg = key + count, arg + 2 + 2 * count
end
return answer
