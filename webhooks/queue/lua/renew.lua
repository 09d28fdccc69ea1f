-- ARGV[3]: records of 24 bytes: delivery (16), fence. ARGV[4]: lease in ms. Answers one letter per record: h held, l lost.
local SIZE = 24
local blob, lease_ms = ARGV[3], tonumber(ARGV[4])

local ids, fences = {}, {}
for offset = 1, #blob, SIZE do
    ids[#ids + 1] = string.sub(blob, offset, offset + 15)
    fences[#fences + 1] = struct.unpack('>I8', blob, offset + 16)
end

local bucket = 'L' .. second_after(lease_ms)
local deadline = tonumber(string.sub(bucket, 2))
local jobs = read(JOBS, ids, unpack_job)
local answers = {}
for index, id in ipairs(ids) do
    local job = jobs[id]
    local held = job and job.state == IS_LEASED and job.stamp == fences[index]
    if held and job.deadline ~= deadline then
        job.deadline = deadline
        keep_job(id, job)
        collect(bucket_entries, bucket, id)
    end
    answers[index] = held and 'h' or 'l'
end
commit()
return table.concat(answers)
