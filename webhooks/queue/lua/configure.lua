-- ARGV[3]: records of 49 bytes: lane (32), mode, cap, weight, microseconds between two tokens (0: no rate), burst.
local SIZE = 49
local blob = ARGV[3]

local function parse_configuration(offset)
    local told = { name = string.sub(blob, offset, offset + 31) }
    told.mode, told.cap, told.weight, told.interval, told.burst = struct.unpack('>BI2I2I8I4', blob, offset + 32)
    return told
end

-- What the lane learnt by itself stays: how many are allowed, its virtual time, and the tokens that it has used.
local function configure(lane, told)
    lane.allowed = lane.allowed == lane.cap and told.cap or math.min(lane.allowed, told.cap)
    if told.mode == HELD then
        lane.allowed = 1
    end
    lane.mode, lane.cap, lane.weight = told.mode, told.cap, told.weight
    lane.interval, lane.burst = told.interval, told.burst
    lane.tat = math.min(lane.tat, now_us + told.burst * told.interval)
    if lane.place == IS_PARKED then
        lane.place = IDLE
    end
end

local configurations, names = {}, {}
for offset = 1, #blob, SIZE do
    configurations[#configurations + 1] = parse_configuration(offset)
    names[#names + 1] = configurations[#configurations].name
end
load_lanes(distinct(names))
for _, told in ipairs(configurations) do
    configure(lanes[told.name], told)
end
commit()
return #configurations
