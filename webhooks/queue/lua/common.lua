-- What every function of the queue begins with. KEYS[1] is the shard's hash tag, ARGV[1] the caller's epoch.
--
--   <tag>:epoch           hash     number, server: the one epoch that is open
--   <tag>:<n>:jobs        hash     delivery (16 bytes) -> state, origin, round, step, stamp [, deadline, lane]
--   <tag>:<n>:lanes       hash     lane (32 bytes: partner, endpoint) -> place, in flight, jobs, cap
--   <tag>:<n>:ready:lane  list     deliveries (16 bytes) that may be claimed, oldest first
--   <tag>:<n>:ring        list     lanes that may have something to claim, each once, in turn
--   <tag>:<n>:timers      zset     buckets of one second, by that second: D (due) and L (leases)
--   <tag>:<n>:D<second>   list     lane and delivery (48 bytes) that become ready then
--   <tag>:<n>:L<second>   list     deliveries (16 bytes) whose lease ends then
--   <tag>:<n>:wake        list     one token while something may be claimable; claimers block on it
--
-- `jobs` is the membership and the truth: an entry of a list whose job says otherwise is dropped when it is met, so
-- nothing ever has to be searched for in a list.

if redis.call('HGET', KEYS[1] .. ':epoch', 'number') ~= ARGV[1] then
    return redis.error_reply('EPOCHLOST the queue was emptied or begun anew')
end

local prefix = KEYS[1] .. ':' .. ARGV[1] .. ':'
local JOBS, LANES, RING = prefix .. 'jobs', prefix .. 'lanes', prefix .. 'ring'
local TIMERS, WAKE, READY = prefix .. 'timers', prefix .. 'wake', prefix .. 'ready:'

local IS_READY, IS_DUE, IS_LEASED = 1, 2, 3
local IDLE, IN_RING, FULL = 0, 1, 2
local LEASE_EXPIRED = 1

local time = redis.call('TIME')
local now_us = tonumber(time[1]) * 1000000 + tonumber(time[2])

-- Always late and never early: the second that ends after the delay.
local function second_after(delay_ms)
    return string.format('%.0f', math.ceil((now_us + delay_ms * 1000) / 1000000))
end

-- Jobs. `stamp` is the second of its bucket while due, the fence while leased.
local function pack_job(job)
    local head = struct.pack('>BBI2I2I8', job.state, job.origin, job.round, job.step, job.stamp)
    if job.state ~= IS_LEASED then
        return head
    end
    return head .. struct.pack('>I8', job.deadline) .. job.lane
end

local function unpack_job(raw)
    local job = {}
    job.state, job.origin, job.round, job.step, job.stamp = struct.unpack('>BBI2I2I8', raw)
    if job.state == IS_LEASED then
        job.deadline = struct.unpack('>I8', raw, 15)
        job.lane = string.sub(raw, 23, 54)
    end
    return job
end

-- Reads many fields of a hash into a table; every function does it once per call, whatever the number of jobs.
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

-- Writes are collected first and made together.
local job_values, job_removals = {}, {}
local ready_entries, bucket_entries = {}, {}

local function collect(lists, name, entry)
    local list = lists[name]
    if not list then
        list = {}
        lists[name] = list
    end
    list[#list + 1] = entry
end

local function keep_job(id, job)
    job_values[id] = pack_job(job)
    job_removals[id] = nil
end

local function forget_job(id)
    job_values[id] = nil
    job_removals[id] = true
end

-- Lanes.
local lanes = {}

local function parse_lane(raw)
    local lane = {}
    lane.place, lane.in_flight, lane.jobs, lane.cap = struct.unpack('>BI4I4I2', raw)
    return lane
end

local function load_lanes(names, default_cap)
    lanes = read(LANES, names, parse_lane)
    for _, name in ipairs(names) do
        if not lanes[name] then
            lanes[name] = { place = IDLE, in_flight = 0, jobs = 0, cap = default_cap }
        end
    end
end

local runnable = {}

-- A lane joins the ring at its end, once, and only while it may have another job in flight.
local function join_ring(name)
    local lane = lanes[name]
    if lane.place ~= IN_RING and lane.in_flight < lane.cap then
        lane.place = IN_RING
        runnable[#runnable + 1] = name
    elseif lane.place == IDLE then
        lane.place = FULL
    end
end

local function make_ready(id, job, lane)
    job.state, job.stamp = IS_READY, 0
    keep_job(id, job)
    collect(ready_entries, lane, id)
end

local function make_due(id, job, lane, delay_ms)
    if delay_ms == 0 then
        return make_ready(id, job, lane)
    end
    local second = second_after(delay_ms)
    job.state, job.stamp = IS_DUE, tonumber(second)
    keep_job(id, job)
    collect(bucket_entries, 'D' .. second, lane .. id)
end

local function release(lane)
    lane.in_flight = math.max(lane.in_flight - 1, 0)
end

local function write_jobs()
    local pairs_of, removed = {}, {}
    for id, value in pairs(job_values) do
        pairs_of[#pairs_of + 1] = id
        pairs_of[#pairs_of + 1] = value
    end
    for id in pairs(job_removals) do
        removed[#removed + 1] = id
    end
    if #pairs_of > 0 then
        redis.call('HSET', JOBS, unpack(pairs_of))
    end
    if #removed > 0 then
        redis.call('HDEL', JOBS, unpack(removed))
    end
end

-- A lane without jobs is forgotten, unless the ring still names it or its cap is not the usual one.
local function write_lanes(default_cap)
    local pairs_of, removed = {}, {}
    for name, lane in pairs(lanes) do
        if lane.jobs == 0 and lane.place ~= IN_RING and lane.cap == default_cap then
            removed[#removed + 1] = name
        else
            pairs_of[#pairs_of + 1] = name
            pairs_of[#pairs_of + 1] = struct.pack('>BI4I4I2', lane.place, lane.in_flight, lane.jobs, lane.cap)
        end
    end
    if #pairs_of > 0 then
        redis.call('HSET', LANES, unpack(pairs_of))
    end
    if #removed > 0 then
        redis.call('HDEL', LANES, unpack(removed))
    end
end

local function write_lists()
    for lane, ids in pairs(ready_entries) do
        redis.call('RPUSH', READY .. lane, unpack(ids))
    end
    for bucket, entries in pairs(bucket_entries) do
        redis.call('RPUSH', prefix .. bucket, unpack(entries))
        redis.call('ZADD', TIMERS, string.sub(bucket, 2), bucket)
    end
end

local function wake()
    if redis.call('EXISTS', WAKE) == 0 then
        redis.call('RPUSH', WAKE, '1')
    end
end

-- A lane that was full and is no longer goes on; one with nothing to claim rests.
local function reopen(name, lane)
    if lane.place == FULL and lane.in_flight < lane.cap then
        lane.place = IDLE
        if lane.jobs > lane.in_flight then
            join_ring(name)
        end
    end
end

local function commit(default_cap)
    for name in pairs(ready_entries) do
        join_ring(name)
    end
    for name, lane in pairs(lanes) do
        reopen(name, lane)
    end
    write_jobs()
    write_lists()
    write_lanes(default_cap)
    if #runnable > 0 then
        redis.call('RPUSH', RING, unpack(runnable))
        wake()
    end
end

-- The distinct values of a list of lane names, for one read.
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
