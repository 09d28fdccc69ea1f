-- ARGV[3]: how many, ARGV[4]: lease in ms, ARGV[5]: who claims, ARGV[6]: the number of this call, ARGV[7]: the number of
-- its last call that was heard to give out jobs. Answers two values: records of 62 bytes (lane (32), delivery (16), round,
-- step, origin, priority, fence), and in how many ms the next parked lane may give out jobs (-1: there is none).
local limit, lease_ms = tonumber(ARGV[3]), tonumber(ARGV[4])
local number, heard = tonumber(ARGV[6]), tonumber(ARGV[7])
-- Entries that no longer count are dropped on the way. Each was put there by one call, so a few rounds bound this one.
local ROUNDS = 3

local bucket = 'L' .. second_after(lease_ms)
local deadline = tonumber(string.sub(bucket, 2))
local claimed, held = {}, {}

-- The claimer's last call that gave out jobs: its number, and 24 bytes a job (delivery, fence).
local LAST = prefix .. 'claimer:' .. ARGV[5]

-- Nobody will send what was given out in an answer that got lost: its lanes need not wait until the leases end.
local function take_back(record)
    local ids, fences, names = {}, {}, {}
    for offset = 9, #record, 24 do
        ids[#ids + 1] = string.sub(record, offset, offset + 15)
        fences[ids[#ids]] = struct.unpack('>I8', record, offset + 16)
    end
    local jobs = read(JOBS, ids, unpack_job)
    for id, job in pairs(jobs) do
        if job.state == IS_LEASED and job.stamp == fences[id] then
            names[#names + 1] = job.lane
        else
            jobs[id] = nil
        end
    end
    load_lanes(distinct(names))
    for _, id in ipairs(ids) do
        local job = jobs[id]
        if job then
            release(lanes[job.lane])
            make_ready(id, job, job.lane)
        end
    end
    commit()
end

-- Who is to give out a job, one by one: always the lane that is furthest behind, which then moves on by a job's time.
-- The ring is sorted; a lane goes back in from the end, where it belongs already unless weights differ.
local function take_turns(names, want)
    local line, order = {}, {}
    for index, name in ipairs(names) do
        local lane = lanes[name]
        local share = math.min(room(lane), tokens(lane), waiting(lane))
        line[index] = { name = name, at = lane.score, left = share, taken = 0, step = math.floor(JOB_TIME / lane.weight) }
    end
    local head = 1
    while #order < want and line[head] do
        local turn = line[head]
        head = head + 1
        if turn.left > 0 then
            order[#order + 1] = turn
            present, passed = math.max(present, turn.at), true
            turn.at, turn.left, turn.taken = turn.at + turn.step, turn.left - 1, turn.taken + 1
            local place = #line
            while place >= head and line[place].at > turn.at do
                place = place - 1
            end
            table.insert(line, place + 1, turn)
        end
    end
    return order
end

local function pop(name, count)
    local lane, entries = lanes[name], {}
    for _, list in ipairs(lane.mode == HELD and { 'probe' } or { 'probe', 'high', 'normal' }) do
        local wanted = math.min(lane[list], count - #entries)
        if wanted > 0 then
            local ids = redis.call('LPOP', prefix .. list .. ':' .. name, wanted) or {}
            lane[list] = #ids < wanted and 0 or lane[list] - wanted
            for _, id in ipairs(ids) do
                entries[#entries + 1] = { id = id, list = list }
            end
        end
    end
    return entries
end

local function lease(name, id, job)
    local lane = lanes[name]
    job.state, job.stamp, job.deadline, job.lane = IS_LEASED, now_us, deadline, name
    keep_job(id, job)
    collect(bucket_entries, bucket, id)
    lane.in_flight, lane.moved = lane.in_flight + 1, true
    lane.score = lane.score + math.floor(JOB_TIME / lane.weight)
    if lane.interval > 0 then
        lane.tat = math.max(lane.tat, now_us) + lane.interval
    end
    held[#held + 1] = id .. struct.pack('>I8', now_us)
    claimed[#claimed + 1] = name .. id
        .. struct.pack('>I2I2BBI8', job.round, job.step, job.origin, job.priority, now_us)
end

local function round(want)
    local names = redis.call('ZRANGEBYSCORE', RING, '-inf', '(inf', 'LIMIT', 0, want)
    if #names == 0 then
        return false
    end
    load_lanes(names)
    local order, popped, ids = take_turns(names, want), {}, {}
    for _, turn in ipairs(order) do
        if not popped[turn.name] then
            popped[turn.name] = pop(turn.name, turn.taken)
            for _, entry in ipairs(popped[turn.name]) do
                ids[#ids + 1] = entry.id
            end
            turn.next = 0
        end
    end
    local jobs = read(JOBS, ids, unpack_job)
    for _, turn in ipairs(order) do
        turn.next = turn.next + 1
        local entry = popped[turn.name][turn.next]
        local job = entry and jobs[entry.id]
        if job and job.state == IS_READY and list_of(job) == entry.list then
            lease(turn.name, entry.id, job)
        end
    end
    commit()
    return true
end

local last = redis.call('GET', LAST)
local last_number = last and struct.unpack('>I8', last)
if last and last_number >= number then
    return { '', 0 }  -- this call was overtaken by later ones: nobody waits for its answer
end
if last and last_number ~= heard then
    take_back(last)
end
unpark(limit)
for _ = 1, ROUNDS do
    if #claimed >= limit or not round(limit - #claimed) then
        break
    end
end
if #held > 0 then
    redis.call('SET', LAST, struct.pack('>I8', number) .. table.concat(held), 'PX', lease_ms)
end
if redis.call('ZCARD', RING) > 1 then
    wake()
end
local first = redis.call('ZRANGE', PARKED, 0, 0, 'WITHSCORES')
local wait_ms = first[2] and math.max(math.ceil((tonumber(first[2]) - now_us) / 1000), 0) or -1
return { table.concat(claimed), wait_ms }
