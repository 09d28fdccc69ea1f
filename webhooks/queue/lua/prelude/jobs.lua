-- Jobs. `stamp` is the second of its bucket while due, the fence while leased.
local IS_READY, IS_DUE, IS_LEASED = 1, 2, 3
local LEASE_EXPIRED, PROBE = 1, 3
local job_values, job_removals = {}, {}
local ready_entries, bucket_entries = {}, {}

local function pack_job(job)
    if job.state ~= IS_LEASED then
        return struct.pack('>BBBI2I2I8', job.state, job.origin, job.priority, job.round, job.step, job.stamp)
    end
    return struct.pack('>BBBI2I2I8I8c32', IS_LEASED, job.origin, job.priority, job.round, job.step, job.stamp,
        job.deadline, job.lane)
end

-- Tables are made whole: one that grows field by field is built anew four times.
local function unpack_job(raw)
    local state, origin, priority, round, step, stamp = struct.unpack('>BBBI2I2I8', raw)
    local deadline, lane
    if state == IS_LEASED then
        deadline, lane = struct.unpack('>I8c32', raw, 16)
    end
    return {
        state = state, origin = origin, priority = priority, round = round, step = step, stamp = stamp,
        deadline = deadline, lane = lane,
    }
end

local function keep_job(id, job)
    job_values[id] = job
    job_removals[id] = nil
end

local function forget_job(id)
    job_values[id] = nil
    job_removals[id] = true
end

-- Which of its lane's lists a ready job stands in. An entry of another list no longer counts.
local function list_of(job)
    if job.origin == PROBE then
        return 'probe'
    end
    return job.priority > 0 and 'high' or 'normal'
end

local function make_ready(id, job, lane)
    job.state, job.stamp = IS_READY, 0
    keep_job(id, job)
    collect(ready_entries, list_of(job) .. ':' .. lane, id)
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

local function write_jobs()
    local values, removed = {}, {}
    for id, job in pairs(job_values) do
        values[#values + 1] = id
        values[#values + 1] = pack_job(job)
    end
    for id in pairs(job_removals) do
        removed[#removed + 1] = id
    end
    write(JOBS, values, removed)
    job_values, job_removals = {}, {}
end

local function write_buckets()
    for bucket, entries in pairs(bucket_entries) do
        redis.call('RPUSH', prefix .. bucket, unpack(entries))
        redis.call('ZADD', TIMERS, string.sub(bucket, 2), bucket)
    end
    bucket_entries = {}
end
