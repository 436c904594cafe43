# Medians of a result file, as a Markdown table; `who` is "<ours|reference>: <what>".
def median: sort | if length == 0 then null else .[(length / 2 | floor)] end;
def show: if . == null then "" else . * 1000 | round / 1000 | tostring end;
def spread: sort | "\(.[0] | show) / \(median | show) / \(.[-1] | show)";

. as $lines
| (.[0] | "\(.date), \(.cpu), \(.cores) cores, commit \(.commit)"),
  (if any($lines[]; .records_per_s != null and .who != null) then
    "", "| what | rounds | records/s: worst / median / best | CPU s per M | server CPU s | peak MiB | spin ms, load |",
    "|---|---|---|---|---|---|---|",
    ([$lines[] | select(.who and .records_per_s)] | group_by(.who)[]
     | "| \(.[0].who) | \(length) | \(map(.records_per_s) | spread) | \(map(.cpu_s_per_million) | median | show) | \(map(.server_cpu_s // 0) | median | show) | \(map(.peak_rss_mib) | median | show) | \(map(.spin_ms) | median | show), \(map(.load) | median | show) |"),
    "", "| ratio ours / reference, per round | worst / median / best |", "|---|---|",
    ([$lines[] | select(.who and .records_per_s)] | group_by(.who | sub("^[a-z]+: "; ""))[]
     | (map(select(.who | startswith("ours")))) as $ours
     | (map(select(.who | startswith("reference")))) as $reference
     | select(($ours | length) > 0 and ($reference | length) > 0)
     | [$ours[] as $o | $reference[] | select(.round == $o.round) | {speed: ($o.records_per_s / .records_per_s), cpu: (.cpu_s_per_million / $o.cpu_s_per_million), memory: (.peak_rss_mib / $o.peak_rss_mib)}]
     | "| \($ours[0].who | sub("^[a-z]+: "; "")): speed | \(map(.speed) | spread) |",
       "| \($ours[0].who | sub("^[a-z]+: "; "")): CPU per record, reference / ours | \(map(.cpu) | spread) |",
       "| \($ours[0].who | sub("^[a-z]+: "; "")): memory, reference / ours | \(map(.memory) | spread) |")
   elif any($lines[]; .median_ms != null) then
    ($lines[] | select(.median_ms) | "\(.who), \(.rate) records/s, \(.records) of them: min \(.min_ms) ms, median \(.median_ms), p90 \(.p90_ms), p99 \(.p99_ms), max \(.max_ms)")
   elif any($lines[]; .seconds != null and (.case // "" | startswith("startup"))) then
    ([$lines[] | select(.seconds)] | group_by(.case)[]
     | "\(.[0].case): \(length) starts, seconds to the first record: \(map(.seconds) | spread); to the end after SIGTERM: \(map(.stop_seconds) | spread)")
   else ($lines[1:][] | tostring) end)
