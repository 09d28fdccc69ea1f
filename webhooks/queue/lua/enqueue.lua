-- ARGV[3]: records of 58 bytes: lane (32), delivery (16), round, step, origin, priority, delay in ms.
-- ARGV[4]: window of a lane, ARGV[5]: horizon in ms. Answers one letter per record.
local SIZE = 58
local blob, window, horizon_ms = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])

local function parse_offer(offset)
    local lane, id, round, step, origin, priority, delay_ms = struct.unpack('>c32c16I2I2BBI4', blob, offset)
    return {
        lane = lane, id = id, round = round, step = step, origin = origin, priority = priority, delay_ms = delay_ms,
    }
end

-- A later step always replaces; the same step only as the probe that it was not, or where it would come earlier.
local function replaces(offer, job)
    if offer.round ~= job.round then
        return offer.round > job.round
    elseif offer.step ~= job.step then
        return offer.step > job.step
    elseif offer.origin == PROBE and job.origin ~= PROBE and job.state ~= IS_LEASED then
        return true
    end
    return job.state == IS_DUE and (offer.delay_ms == 0 or tonumber(second_after(offer.delay_ms)) < job.stamp)
end

local offers, ids, names = {}, {}, {}
for offset = 1, #blob, SIZE do
    local offer = parse_offer(offset)
    offers[#offers + 1] = offer
    ids[#ids + 1] = offer.id
    names[#names + 1] = offer.lane
end

local jobs = read(JOBS, ids, unpack_job)
load_lanes(distinct(names))

local function place(offer)
    local job, lane = jobs[offer.id], lanes[offer.lane]
    if job and not replaces(offer, job) then
        return 'k'
    elseif offer.delay_ms > horizon_ms then
        return 'l'
    elseif not job and lane.jobs >= window and offer.origin ~= PROBE then
        return 'w'
    end
    if job and job.state == IS_LEASED then
        release(lane)
    elseif not job then
        lane.jobs = lane.jobs + 1
    end
    local new = {
        state = IS_READY, stamp = 0,
        origin = offer.origin, priority = offer.priority, round = offer.round, step = offer.step,
    }
    jobs[offer.id] = new
    if job and job.state == IS_READY and offer.delay_ms == 0 and list_of(job) == list_of(new) then
        keep_job(offer.id, new)  -- its entry in the list stays where it is
    else
        make_due(offer.id, new, offer.lane, offer.delay_ms)
    end
    return job and 'r' or 'a'
end

local answers = {}
for index, offer in ipairs(offers) do
    answers[index] = place(offer)
end
commit()
return table.concat(answers)
