-- KEYS[1]: hash tag. ARGV[1]: count of shards. Answers 1 if there is no epoch of so many shards, or if this is another
-- server process than the one on which it was opened.
local found = redis.call('HMGET', KEYS[1] .. ':epoch', 'name', 'server')
local is_ours = found[1] and string.match(found[1], '%.(%d+)$') == ARGV[1]
return is_ours and found[2] == server() and 0 or 1
