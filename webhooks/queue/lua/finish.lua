-- ARGV[2]: records of 36 bytes: delivery (16), fence, again (0 or 1), round, step, origin, delay in ms, cap of the lane.
-- ARGV[3]: usual cap, ARGV[4]: horizon in ms. Answers how many leases were still these.
local SIZE = 36
local blob, default_cap, horizon_ms = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

local function parse_finish(offset)
    local ended = { id = string.sub(blob, offset, offset + 15) }
    ended.fence, ended.again, ended.round, ended.step, ended.origin, ended.delay_ms, ended.cap =
        struct.unpack('>I8BI2I2BI4I2', blob, offset + 16)
    return ended
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
        ended.lane = job.lane
    end
end
load_lanes(distinct(names), default_cap)

for _, ended in ipairs(held) do
    local lane = lanes[ended.lane]
    release(lane)
    if ended.cap > 0 then
        lane.cap = ended.cap
    end
    if ended.again == 1 and ended.delay_ms <= horizon_ms then
        local job = { origin = ended.origin, round = ended.round, step = ended.step }
        make_due(ended.id, job, ended.lane, ended.delay_ms)
    else
        lane.jobs = math.max(lane.jobs - 1, 0)
        forget_job(ended.id)
    end
end
commit(default_cap)
return #held
