-- Token buckets (GCRA). One call asks for many requests; a request takes from all of its buckets or from none.
-- KEYS: the buckets, request after request.
-- ARGV: how many buckets the request has, its cost, then interval and capacity of each bucket; request after request.
-- Answer: allowed (1 or 0), then remaining, retry_after_us, full_after_us of each bucket; request after request.
-- Redis' own clock in whole microseconds (below 2^53, so exact): callers' clocks do not matter.
-- A cost below zero is taken in any case, whatever is left: it was used already.
-- Many requests of one call take from the same buckets, so each bucket is read once and written once.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local arrivals, changed = {}, {}
local answer, size = {}, 0
local key, arg = 1, 1
while arg <= #ARGV do
  local count, cost = tonumber(ARGV[arg]), tonumber(ARGV[arg + 1])
  local forced, allowed, buckets = cost < 0, 1, {}
  if forced then cost = -cost end
  for n = 1, count do
    local name = KEYS[key + n - 1]
    local interval, capacity = tonumber(ARGV[arg + 2 * n]), tonumber(ARGV[arg + 2 * n + 1])
    local arrival = arrivals[name]
    if not arrival then
      arrival = tonumber(redis.call('GET', name)) or 0
      arrivals[name] = arrival
    end
    local debt = math.max(arrival - now, 0)
    local over = debt + (cost - capacity) * interval
    if over > 0 and not forced then allowed = 0 end
    if cost > capacity then over = -1 end
    buckets[n] = { name, interval, capacity, debt, over }
  end
  answer[size + 1] = allowed
  size = size + 1
  for n = 1, count do
    local name, interval, capacity, debt, over = unpack(buckets[n])
    local room = math.floor((capacity * interval - debt) / interval)
    if allowed == 1 then
      debt, room, over = debt + cost * interval, room - cost, 0
      if cost > 0 then
        arrivals[name] = now + debt
        changed[name] = now + debt
      end
    end
    answer[size + 1], answer[size + 2], answer[size + 3] = room, over == -1 and -1 or math.max(over, 0), debt
    size = size + 3
  end
  key, arg = key + count, arg + 2 + 2 * count
end
for name, arrival in pairs(changed) do
  redis.call('SET', name, string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000) + 1)
end
return answer
