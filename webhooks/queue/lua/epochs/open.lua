-- KEYS[1]: hash tag. ARGV[1]: number of the new epoch, ARGV[2]: count of shards. Answers 1, or 0 where this or a later
-- epoch is already open.
local key = KEYS[1] .. ':epoch'
local present = redis.call('HGET', key, 'name') or '-1.0'
if tonumber(string.match(present, '^(-?%d+)%.')) >= tonumber(ARGV[1]) then
    return 0
end
local name, pad = ARGV[1] .. '.' .. ARGV[2], string.rep('-', 65)
local prefix = KEYS[1] .. ':' .. name .. ':'
redis.call('HSET', prefix .. 'jobs', pad, '')
redis.call('HSET', prefix .. 'lanes', pad, '0')
redis.call('ZADD', prefix .. 'ring', 'inf', pad)
redis.call('HSET', key, 'name', name, 'server', server())
return 1
