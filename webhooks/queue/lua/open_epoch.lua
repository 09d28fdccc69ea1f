-- KEYS[1]: hash tag. ARGV[1]: number of the new epoch, ARGV[2]: the server that it is opened on.
-- Answers 1, or 0 where this or a later epoch is already open.
local key = KEYS[1] .. ':epoch'
local present = tonumber(redis.call('HGET', key, 'number') or '-1')
if present >= tonumber(ARGV[1]) then
    return 0
end
redis.call('HSET', key, 'number', ARGV[1], 'server', ARGV[2])
return 1
