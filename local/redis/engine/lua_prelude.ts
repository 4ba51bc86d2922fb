/** The name of a user's script in error messages, as in Redis 7. */
export const scriptChunkName = "@user_script";

/** The error of a script that ran for too long. */
export const overtime = "Script killed: it ran for more than 5 seconds";

/**
 * Lua between a script and the engine. It gets the host functions, removes what a script must not
 * reach (files, processes, further code, new globals), and returns the function that runs a
 * compiled script.
 *
 * Errors are tables with `err`, as in Redis 7, and the handler adds the line of the script.
 */
export const luaPrelude = `
local call, pcall, sha1hex, decode, bit_operation, is_over = ...
local getinfo, error, type, tostring, pairs, rawset, xpcall, select, setmetatable =
  debug.getinfo, error, type, tostring, pairs, rawset, xpcall, select, setmetatable
local floor, format, concat = math.floor, string.format, table.concat

redis = {
  call = call, pcall = pcall,
  REPL_NONE = 0, REPL_AOF = 1, REPL_SLAVE = 2, REPL_REPLICA = 2, REPL_ALL = 3,
  LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
  REDIS_VERSION = '7.0.0', REDIS_VERSION_NUM = 0x00070000,
}
local function single(field)
  return function(...)
    if select('#', ...) ~= 1 or type((...)) ~= 'string' then
      return { err = 'ERR wrong number or type of arguments' }
    end
    return { [field] = (...) }
  end
end
redis.status_reply = single('ok')
local plain_error = single('err')
function redis.error_reply(...)
  local reply = plain_error(...)
  local text = reply.err:gsub('^%-', '')
  if not text:find(' ', 1, true) then text = 'ERR ' .. text end
  return { err = text }
end
function redis.sha1hex(...)
  if select('#', ...) ~= 1 then error({ err = 'ERR wrong number of arguments' }, 0) end
  return (sha1hex(tostring((...))))
end
function redis.log() end
function redis.setresp(version)
  if version ~= 2 then error({ err = 'ERR RESP version must be 2.' }, 0) end
end
function redis.set_repl() end
function redis.replicate_commands() return true end
redis.breakpoint = function() return false end

cjson = { null = newproxy(), _NAME = 'cjson', _VERSION = '2.1.0' }
local escapes = { ['"'] = '\\\\"', ['\\\\'] = '\\\\\\\\', ['/'] = '\\\\/', ['\\b'] = '\\\\b',
  ['\\f'] = '\\\\f', ['\\n'] = '\\\\n', ['\\r'] = '\\\\r', ['\\t'] = '\\\\t', ['\\127'] = '\\\\u007f' }
local function quote(text)
  return '"' .. text:gsub('[%c"\\\\/\\127]', function(character)
    return escapes[character] or format('\\\\u%04x', character:byte())
  end) .. '"'
end
local function length_of_array(value)
  local length, count = 0, 0
  for key in pairs(value) do
    if type(key) ~= 'number' or key < 1 or floor(key) ~= key then return nil end
    length, count = key > length and key or length, count + 1
  end
  if count == 0 or (length > 10 and length > count * 2) then return nil end
  return length
end
local encode
local function encode_table(value, depth)
  if depth > 1000 then error('Cannot serialise, excessive depth (1001)', 0) end
  local parts, length = {}, length_of_array(value)
  if length then
    for index = 1, length do parts[index] = encode(value[index], depth) end
    return '[' .. concat(parts, ',') .. ']'
  end
  for key, item in pairs(value) do
    if type(key) ~= 'string' and type(key) ~= 'number' then
      error('Cannot serialise table: table key must be a number or string', 0)
    end
    local name = type(key) == 'number' and '"' .. format('%.14g', key) .. '"' or quote(key)
    parts[#parts + 1] = name .. ':' .. encode(item, depth)
  end
  return '{' .. concat(parts, ',') .. '}'
end
function encode(value, depth)
  local kind = type(value)
  if kind == 'string' then return quote(value) end
  if kind == 'number' then
    if value ~= value or value == 1 / 0 or value == -1 / 0 then
      error('Cannot serialise number: must not be NaN or Inf', 0)
    end
    return format('%.14g', value)
  end
  if kind == 'boolean' then return tostring(value) end
  if kind == 'nil' or value == cjson.null then return 'null' end
  if kind == 'table' then return encode_table(value, depth + 1) end
  error('Cannot serialise ' .. kind .. ': type not supported', 0)
end
function cjson.encode(value) return encode(value, 0) end
function cjson.decode(text)
  local fine, value = decode(cjson.null, tostring(text))
  if not fine then error(value, 0) end
  return value
end

local protected = _G.pcall
local function unless_over(...)
  if is_over() then error('${overtime}', 0) end
  return ...
end
local function plain_problem(fine, ...)
  local problem = ...
  if not fine and type(problem) == 'table' and type(problem.err) == 'string' then
    return false, problem.err
  end
  return fine, ...
end
function _G.pcall(...) return unless_over(plain_problem(protected(...))) end
function _G.xpcall(...) return unless_over(xpcall(...)) end

bit = {}
for _, name in pairs({ 'tobit', 'bnot', 'bswap', 'band', 'bor', 'bxor', 'lshift', 'rshift', 'arshift',
  'rol', 'ror' }) do
  bit[name] = function(...)
    for index = 1, select('#', ...) > 0 and select('#', ...) or 1 do
      local given = select('#', ...) == 0 and 'no value' or type((select(index, ...)))
      if given ~= 'number' then
        error("bad argument #" .. index .. " to '" .. name .. "' (number expected, got " .. given .. ")", 2)
      end
    end
    return bit_operation(name, ...)
  end
end
function bit.tohex(value, digits)
  digits = digits or 8
  local text = format('%08x', bit.tobit(value) % 0x100000000)
  text = text:sub(-math.min(8, math.abs(digits)))
  return digits < 0 and text:upper() or text
end

for _, name in pairs({ 'debug', 'io', 'package', 'require', 'module', 'dofile', 'loadfile', 'load',
  'print', 'newproxy', 'collectgarbage', 'gcinfo', 'setfenv', 'getfenv' }) do
  _G[name] = nil
end
os = { clock = os.clock }
setmetatable(_G, {
  __index = function(_, name)
    error('Script attempted to access nonexistent global variable ' .. "'" .. tostring(name) .. "'", 2)
  end,
  __newindex = function() error('Attempt to modify a readonly table', 2) end,
})

local function explain(problem)
  if type(problem) ~= 'table' then problem = { err = 'ERR ' .. tostring(problem) } end
  for level = 2, 250 do
    local info = getinfo(level, 'Sl')
    if not info then break end
    if info.source == '${scriptChunkName}' then
      return { err = problem.err, line = info.currentline }
    end
  end
  return { err = problem.err }
end
return function(script, keys, arguments)
  rawset(_G, 'KEYS', keys)
  rawset(_G, 'ARGV', arguments)
  return xpcall(script, explain)
end
`;
