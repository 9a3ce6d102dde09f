// Reads Parquet files with hyparquet and prints them as JSON, one table for each file.
//
// node read.mjs version | read FILE... | count COLUMN MICROS FILE...
//
// Integers of 64 bits and bytes are texts in the output, because JSON has neither; so are -0 and infinity.

import { readFileSync } from 'node:fs'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

// By itself hyparquet knows no codec but Snappy. By default it makes milliseconds of a time, and text of all bytes.
const options = { compressors, utf8: false, parsers: { timestampFromMicroseconds: (micros) => micros } }

const [command, ...rest] = process.argv.slice(2)
const commands = { version, read, count }
process.stdout.write(JSON.stringify(await commands[command](...rest)))

function version() {
  const manifest = new URL('node_modules/hyparquet/package.json', import.meta.url)
  return JSON.parse(readFileSync(manifest, 'utf8')).version
}

async function read(...paths) {
  return Promise.all(paths.map(readFile))
}

async function readFile(path) {
  const file = await asyncBufferFromFile(path)
  const metadata = await parquetMetadataAsync(file)
  const rows = await parquetReadObjects({ file, metadata, ...options })
  const columns = metadata.schema.slice(1)
  return Object.fromEntries(
    columns.map((column) => [column.name, { type: type(column), values: rows.map((row) => plain(row[column.name])) }]),
  )
}

async function count(column, micros, ...paths) {
  const filter = { [column]: { $gte: BigInt(micros) } }
  let rows = 0
  for (const path of paths) {
    const file = await asyncBufferFromFile(path)
    rows += (await parquetReadObjects({ file, columns: [column], filter, ...options })).length
  }
  return rows
}

function type({ type, converted_type, logical_type }) {
  if (type === 'INT64' && logical_type?.type === 'TIMESTAMP' && logical_type.isAdjustedToUTC && logical_type.unit === 'MICROS') {
    return 'time'
  }
  if (converted_type === 'UTF8' || logical_type?.type === 'STRING') return 'text'
  if (logical_type || converted_type) return `${type} ${logical_type?.type ?? converted_type}`
  const plain = { INT32: 'int32', INT64: 'int64', DOUBLE: 'double', BOOLEAN: 'bool', BYTE_ARRAY: 'bytes', FIXED_LEN_BYTE_ARRAY: 'bytes' }
  return plain[type] ?? type
}

function plain(value) {
  if (value === undefined || value === null) return null
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Object.is(value, -0)) return '-0'
  if (value === Infinity || value === -Infinity) return value.toString()
  return value
}
