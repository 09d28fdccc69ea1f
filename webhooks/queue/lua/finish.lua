-- ARGV[3]: records of 39 bytes: delivery (16), fence, again (0 or 1), round, step, origin, delay in ms, verdict on the
-- lane, ms for which it is parked. ARGV[4]: horizon in ms. Answers how many leases were still these.
local SIZE = 39
local WELL, FAILED = 1, 2
local blob, horizon_ms = ARGV[3], tonumber(ARGV[4])

local function parse_finish(offset)
    local id, fence, again, round, step, origin, delay_ms, verdict, park_ms =
        struct.unpack('>c16I8BI2I2BI4BI4', blob, offset)
    return {
        id = id, fence = fence, again = again, round = round, step = step, origin = origin, delay_ms = delay_ms,
        verdict = verdict, park_ms = park_ms, lane = false, priority = 0,
    }
end

local endings, ids = {}, {}
for offset = 1, #blob, SIZE do
    endings[#endings + 1] = parse_finish(offset)
    ids[#ids + 1] = endings[#endings].id
end

local jobs = read(JOBS, ids, unpack_job)
local held, names = {}, {}
for _, ended in ipairs(endings) do
    local job = jobs[ended.id]
    if job and job.state == IS_LEASED and job.stamp == ended.fence then
        held[#held + 1] = ended
        names[#names + 1] = job.lane
        jobs[ended.id] = nil
        ended.lane, ended.priority = job.lane, job.priority
    end
end
load_lanes(distinct(names))

-- A held lane has one in flight whatever its probe says, and begins with one when it is opened.
local function judge(lane, ended)
    if lane.mode ~= HELD and ended.verdict == WELL then
        lane.allowed = math.min(lane.allowed + 1, lane.cap)
    elseif lane.mode ~= HELD and ended.verdict == FAILED then
        lane.allowed = math.max(math.floor(lane.allowed / 2), 1)
    end
    if ended.park_ms > 0 then
        lane.parked_until = math.max(lane.parked_until, now_us + ended.park_ms * 1000)
    end
end

for _, ended in ipairs(held) do
    local lane = lanes[ended.lane]
    release(lane)
    judge(lane, ended)
    if ended.again == 1 and ended.delay_ms <= horizon_ms then
        local job = {
            state = IS_READY, stamp = 0,
            origin = ended.origin, priority = ended.priority, round = ended.round, step = ended.step,
        }
        make_due(ended.id, job, ended.lane, ended.delay_ms)
    else
        lane.jobs = math.max(lane.jobs - 1, 0)
        forget_job(ended.id)
    end
end
commit()
return #held
