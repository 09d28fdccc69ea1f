-- Lanes. `probe`, `high` and `normal` count the entries of its lists, `allowed` is how many may be in flight for now,
-- `score` is its virtual time, `tat` and `interval` its token bucket (the theoretical arrival time of GCRA) in
-- microseconds; an interval of 0 means that it has no rate.
local IDLE, IN_RING, IS_PARKED = 0, 1, 2
local OPEN, HELD, PAUSED = 0, 1, 2
local LANE = '>BBI4I4I4I4I4I2I2I2I8I8I8I4I8'
-- The virtual time of one job in a lane of weight 1.
local JOB_TIME = 10000

local lanes, present, passed = {}, 0, false

local function parse_lane(raw)
    local place, mode, in_flight, jobs, probe, high, normal, cap, allowed, weight, score, tat, interval, burst,
        parked_until = struct.unpack(LANE, raw)
    return {
        place = place, mode = mode, in_flight = in_flight, jobs = jobs, probe = probe, high = high, normal = normal,
        cap = cap, allowed = allowed, weight = weight, score = score, tat = tat, interval = interval, burst = burst,
        parked_until = parked_until, moved = false,
    }
end

local function pack_lane(lane)
    return struct.pack(LANE, lane.place, lane.mode, lane.in_flight, lane.jobs, lane.probe, lane.high, lane.normal,
        lane.cap, lane.allowed, lane.weight, lane.score, lane.tat, lane.interval, lane.burst, lane.parked_until)
end

local function new_lane()
    return {
        place = IDLE, mode = OPEN, in_flight = 0, jobs = 0, probe = 0, high = 0, normal = 0, cap = USUAL_CAP,
        allowed = USUAL_CAP, weight = 1, score = 0, tat = 0, interval = 0, burst = 0, parked_until = 0,
        moved = false,
    }
end

-- The ring's present time lives beside the lanes, so that one read brings it along.
local function load_lanes(names)
    local fields = { PAD, unpack(names) }
    lanes = read(LANES, fields, function(raw) return raw end)
    present, lanes[PAD] = tonumber(lanes[PAD]), nil
    for _, name in ipairs(names) do
        lanes[name] = lanes[name] and parse_lane(lanes[name]) or new_lane()
    end
end

local function release(lane)
    lane.in_flight = math.max(lane.in_flight - 1, 0)
end

local function waiting(lane)
    if lane.mode == PAUSED then
        return 0
    end
    return lane.mode == HELD and lane.probe or lane.probe + lane.high + lane.normal
end

local function room(lane)
    local most = lane.mode == HELD and 1 or math.min(lane.cap, lane.allowed)
    return most - lane.in_flight
end

local function tokens(lane)
    if lane.interval == 0 then
        return math.huge
    end
    return math.floor(lane.burst - math.max(lane.tat - now_us, 0) / lane.interval)
end

-- From when on it may give out a job.
local function opens_at(lane)
    if lane.interval == 0 then
        return lane.parked_until
    end
    return math.max(lane.parked_until, lane.tat - (lane.burst - 1) * lane.interval)
end

-- A lane that was forgotten has forgotten what it owes. So whoever joins does it one job after the present time: who
-- comes and goes gains nothing over those who wait. An empty lane that is told to wait is parked to be forgotten then.
local function place_lane(lane)
    if waiting(lane) == 0 or room(lane) <= 0 then
        return lane.jobs == 0 and lane.parked_until > now_us and IS_PARKED or IDLE
    elseif opens_at(lane) > now_us then
        return IS_PARKED
    elseif lane.place ~= IN_RING then
        lane.score = math.max(lane.score, present + math.floor(JOB_TIME / lane.weight))
    end
    return IN_RING
end

-- A lane without jobs is forgotten where it is like any other.
local function is_forgettable(lane)
    return lane.jobs == 0 and lane.probe + lane.high + lane.normal == 0 and lane.mode == OPEN and lane.weight == 1
        and lane.cap == USUAL_CAP and lane.allowed == lane.cap and lane.interval == 0 and lane.parked_until <= now_us
end

local function write_ready()
    for list, ids in pairs(ready_entries) do
        redis.call('RPUSH', prefix .. list, unpack(ids))
        local colon = string.find(list, ':', 1, true)
        local lane, kind = lanes[string.sub(list, colon + 1)], string.sub(list, 1, colon - 1)
        lane[kind] = lane[kind] + #ids
    end
    ready_entries = {}
end

local function write_places()
    local joined, left, parked = {}, {}, {}
    for name, lane in pairs(lanes) do
        local before = lane.place
        lane.place = place_lane(lane)
        if lane.place == IN_RING and (before ~= IN_RING or lane.moved) then
            joined[#joined + 1] = whole(lane.score)
            joined[#joined + 1] = name
        elseif before == IN_RING and lane.place ~= IN_RING then
            left[#left + 1] = name
        end
        if lane.place == IS_PARKED and before ~= IS_PARKED then
            parked[#parked + 1] = whole(opens_at(lane))
            parked[#parked + 1] = name
        end
    end
    if #left > 0 then
        redis.call('ZREM', RING, unpack(left))
    end
    if #parked > 0 then
        redis.call('ZADD', PARKED, unpack(parked))
    end
    if #joined > 0 then
        redis.call('ZADD', RING, unpack(joined))
        wake()
    end
end

local function write_lanes()
    local values, removed = {}, {}
    for name, lane in pairs(lanes) do
        if is_forgettable(lane) then
            removed[#removed + 1] = name
        else
            values[#values + 1] = name
            values[#values + 1] = pack_lane(lane)
        end
    end
    if passed then
        values[#values + 1] = PAD
        values[#values + 1] = whole(present)
    end
    write(LANES, values, removed)
    lanes = {}
end

local function commit()
    write_jobs()
    write_buckets()
    write_ready()
    write_places()
    write_lanes()
end

-- Lets parked lanes whose time has come go on. Answers whether there may be more of them.
local function unpark(limit)
    local names = redis.call('ZRANGEBYSCORE', PARKED, '-inf', whole(now_us), 'LIMIT', 0, limit)
    if #names > 0 then
        redis.call('ZREM', PARKED, unpack(names))
        load_lanes(names)
        for _, lane in pairs(lanes) do
            lane.place = lane.place == IS_PARKED and IDLE or lane.place
        end
        commit()
    end
    return #names == limit
end
