-- ARGV[2]: how many, ARGV[3]: usual cap, ARGV[4]: lease in ms.
-- Answers records of 61 bytes: lane (32), delivery (16), round, step, origin, fence.
local limit, default_cap, lease_ms = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
-- A visit that finds nothing removes the lane from the ring, so a few rounds bound one call and lose nothing.
local ROUNDS = 3

local bucket = 'L' .. second_after(lease_ms)
local deadline = tonumber(string.sub(bucket, 2))
local claimed = {}

local function pop(name, share)
    local lane = lanes[name]
    local room = math.min(lane.cap - lane.in_flight, share)
    if room <= 0 then
        return {}, room
    end
    return redis.call('LPOP', READY .. name, room) or {}, room
end

local function lease(id, job, name)
    job.state, job.stamp, job.deadline, job.lane = IS_LEASED, now_us, deadline, name
    keep_job(id, job)
    collect(bucket_entries, bucket, id)
    lanes[name].in_flight = lanes[name].in_flight + 1
    claimed[#claimed + 1] = name .. id .. struct.pack('>I2I2BI8', job.round, job.step, job.origin, now_us)
end

local function leave_or_stay(name, popped, room)
    local lane = lanes[name]
    if lane.in_flight >= lane.cap then
        lane.place = FULL
    elseif popped < room then
        lane.place = IDLE
    else
        runnable[#runnable + 1] = name
    end
end

local function visit(names, want)
    local share = math.max(1, math.floor(want / #names))
    local entries, counts, all = {}, {}, {}
    for _, name in ipairs(names) do
        local ids, room = pop(name, share)
        counts[name] = { popped = #ids, room = room }
        for _, id in ipairs(ids) do
            entries[#entries + 1] = { name = name, id = id }
            all[#all + 1] = id
        end
    end
    local jobs = read(JOBS, all, unpack_job)
    for _, entry in ipairs(entries) do
        local job = jobs[entry.id]
        if job and job.state == IS_READY then
            lease(entry.id, job, entry.name)
        end
    end
    for _, name in ipairs(names) do
        leave_or_stay(name, counts[name].popped, counts[name].room)
    end
end

for _ = 1, ROUNDS do
    local want = limit - #claimed
    local names = want > 0 and redis.call('LPOP', RING, want) or {}
    if not names or #names == 0 then
        break
    end
    load_lanes(names, default_cap)
    runnable = {}
    visit(names, want)
    commit(default_cap)
    job_values, job_removals, bucket_entries = {}, {}, {}
end
if redis.call('EXISTS', RING) == 1 then
    wake()
end
return table.concat(claimed)
