-- KEYS[1]: hash tag. ARGV[1]: cursor, ARGV[2]: how many keys to look at. Removes keys of other epochs than the open one.
-- Answers the next cursor and how many were removed.
local kept = KEYS[1] .. ':' .. (redis.call('HGET', KEYS[1] .. ':epoch', 'name') or '') .. ':'
local answer = redis.call('SCAN', ARGV[1], 'MATCH', KEYS[1] .. ':*', 'COUNT', ARGV[2])
local old = {}
for _, key in ipairs(answer[2]) do
    if key ~= KEYS[1] .. ':epoch' and string.sub(key, 1, #kept) ~= kept then
        old[#old + 1] = key
    end
end
local dropped = #old > 0 and redis.call('UNLINK', unpack(old)) or 0
return { answer[1], dropped }
