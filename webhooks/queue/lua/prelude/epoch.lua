-- What every command of the queue begins with. KEYS[1] is the shard's hash tag, ARGV[1] the epoch that the caller knows
-- (its number and the count of shards), ARGV[2] the usual cap of a lane.
--
--   <tag>:epoch           hash     name, server: the one epoch that is open, and the process on which it was opened
--   <tag>:<n>:jobs        hash     delivery (16 bytes) -> state, origin, priority, round, step, stamp [, deadline, lane]
--   <tag>:<n>:lanes       hash     lane (32 bytes: partner, endpoint) -> its counters and configuration (lanes.lua)
--   <tag>:<n>:probe:lane  list     deliveries (16 bytes) that may be claimed as probes, oldest first
--   <tag>:<n>:high:lane   list     those of high priority
--   <tag>:<n>:normal:lane list     the others
--   <tag>:<n>:ring        zset     lanes that may give out jobs, by virtual time
--   <tag>:<n>:parked      zset     lanes that may again at a time (microseconds): out of tokens, or told to wait
--   <tag>:<n>:timers      zset     buckets of one second, by that second: D (due) and L (leases)
--   <tag>:<n>:D<second>   list     lane and delivery (48 bytes) that become ready then
--   <tag>:<n>:L<second>   list     deliveries (16 bytes) whose lease ends then
--   <tag>:<n>:claimer:id  string   what a claimer was last given, for as long as the leases last (claim.lua)
--   <tag>:<n>:wake        list     one token while something may be claimable; claimers block on it
--
-- `jobs` is the membership and the truth: an entry of a list whose job says otherwise is dropped when it is met, so
-- nothing ever has to be searched for in a list.

if redis.call('HGET', KEYS[1] .. ':epoch', 'name') ~= ARGV[1] then
    return redis.error_reply('EPOCHLOST the queue was emptied or begun anew')
end

local prefix = KEYS[1] .. ':' .. ARGV[1] .. ':'
local JOBS, LANES, RING = prefix .. 'jobs', prefix .. 'lanes', prefix .. 'ring'
local TIMERS, PARKED, WAKE = prefix .. 'timers', prefix .. 'parked', prefix .. 'wake'
local USUAL_CAP = tonumber(ARGV[2])
-- Longer than 64 bytes: a hash or zset that holds it is never a packed list, which is searched entry by entry.
local PAD = string.rep('-', 65)

local time = redis.call('TIME')
local now_us = tonumber(time[1]) * 1000000 + tonumber(time[2])

-- Never with an exponent, in which a time in microseconds would lose its digits.
local function whole(number)
    return string.format('%.0f', number)
end

-- Always late and never early: the second that ends after the delay.
local function second_after(delay_ms)
    return whole(math.ceil((now_us + delay_ms * 1000) / 1000000))
end

-- Reads many fields of a hash into a table; every command does it once per call, whatever the number of jobs.
local function read(key, names, parse)
    local found = {}
    if #names > 0 then
        local values = redis.call('HMGET', key, unpack(names))
        for index, name in ipairs(names) do
            found[name] = values[index] and parse(values[index]) or nil
        end
    end
    return found
end

-- Changes of a hash are collected and made together.
local function write(key, values, removed)
    if #values > 0 then
        redis.call('HSET', key, unpack(values))
    end
    if #removed > 0 then
        redis.call('HDEL', key, unpack(removed))
    end
end

local function collect(lists, name, entry)
    local list = lists[name]
    if not list then
        list = {}
        lists[name] = list
    end
    list[#list + 1] = entry
end

-- The distinct values of a list, for one read.
local function distinct(names)
    local seen, list = {}, {}
    for _, name in ipairs(names) do
        if not seen[name] then
            seen[name] = true
            list[#list + 1] = name
        end
    end
    return list
end

local function wake()
    if redis.call('EXISTS', WAKE) == 0 then
        redis.call('RPUSH', WAKE, '1')
    end
end
