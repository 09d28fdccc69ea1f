-- ARGV[3]: how many entries at most. Answers 1 if there may be more to move now, else 0.
local limit = tonumber(ARGV[3])
local now_second = math.floor(now_us / 1000000)

local function take()
    local bucket = redis.call('ZRANGEBYSCORE', TIMERS, '-inf', whole(now_second), 'LIMIT', 0, 1)[1]
    if not bucket then
        return nil
    end
    local entries = redis.call('LPOP', prefix .. bucket, limit) or {}
    if #entries < limit then
        redis.call('ZREM', TIMERS, bucket)
    end
    return bucket, entries
end

-- An entry counts only while its job still says this bucket; a job that was replaced or renewed does not.
local function moved(bucket, entries)
    local due, second, ids = string.sub(bucket, 1, 1) == 'D', tonumber(string.sub(bucket, 2)), {}
    for index, entry in ipairs(entries) do
        ids[index] = string.sub(entry, -16)
    end
    local moves, jobs = {}, read(JOBS, ids, unpack_job)
    for index, id in ipairs(ids) do
        local job = jobs[id]
        if job and due and job.state == IS_DUE and job.stamp == second then
            moves[#moves + 1] = { id = id, job = job, lane = string.sub(entries[index], 1, 32) }
        elseif job and not due and job.state == IS_LEASED and job.deadline == second then
            moves[#moves + 1] = { id = id, job = job, lane = job.lane, expired = true }
        end
        jobs[id] = nil
    end
    return moves
end

local more = unpark(limit)
local bucket, entries = take()
if not bucket then
    return more and 1 or 0
end
local moves, names = moved(bucket, entries), {}
for index, move in ipairs(moves) do
    names[index] = move.lane
end
load_lanes(distinct(names))
for _, move in ipairs(moves) do
    if move.expired then
        release(lanes[move.lane])
        move.job.origin = LEASE_EXPIRED
    end
    make_ready(move.id, move.job, move.lane)
end
commit()
return 1
