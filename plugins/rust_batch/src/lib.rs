//! Counts the primes up to a limit, in batches:
//!
//!   analyze_range -> count_primes_001 -+-> sum_primes
//!                 -> count_primes_002 -+
//!                 -> ...               |
//!
//! A worker yields after every 250 numbers: the host saves where it is and how many primes it has found, and calls it
//! again with that. When it panics (the input can ask for it), the next attempt goes on from there, and no number is
//! looked at twice. See rust_batch.yaml.
//!
//! `abi` mirrors the C header, `step` is the safe side of it, `json` the little JSON that is needed; a plugin of one's own
//! begins as a copy of the three.

mod abi;
mod json;
mod step;

use std::os::raw::{c_char, c_void};
use std::ptr;

use json::{quoted, Value};
use step::{Context, Outcome, Refusal};

const ANALYZER: &str = "analyze_range";
const WORKERS: &str = "count_primes_";
const MAX_LIMIT: u64 = 1_000_000_000;
const NUMBERS_BETWEEN_POLLS: u64 = 1024;

fn refuse(code: &'static str, message: String) -> Refusal {
    Refusal { code, message }
}

/// A member that must be an integer from 0 on.
fn count(from: &Value, key: &str, what: &str) -> Result<u64, Refusal> {
    from.get(key)
        .and_then(Value::as_u64)
        .ok_or_else(|| refuse("WRONG_TYPE", format!("{} '{}' must be an integer from 0 on", what, key)))
}

fn positive(from: &Value, key: &str) -> Result<u64, Refusal> {
    match count(from, key, "config")? {
        0 => Err(refuse("INVALID_CONFIG", format!("config '{}' must be at least 1", key))),
        value => Ok(value),
    }
}

fn is_prime(number: u64) -> bool {
    if number < 4 {
        return number > 1;
    }
    number % 2 == 1 && (3..).step_by(2).take_while(|d| d * d <= number).all(|d| number % d != 0)
}

/// Cuts 2..=limit into batches.
fn analyze(context: &Context) -> Result<Outcome, Refusal> {
    let limit = count(&context.input(), "limit", "input")?;
    if limit > MAX_LIMIT {
        return Err(refuse("INVALID_LIMIT", format!("input 'limit' is {}, more than {}", limit, MAX_LIMIT)));
    }
    let config = context.config();
    let size = positive(&config, "numbers_per_batch")?;
    let worker = config.get("worker_template_name").and_then(Value::as_str).unwrap_or("").to_string();
    let mut cursors = Vec::new();
    let mut start = 2;
    while start <= limit {
        let end = limit.saturating_add(1).min(start.saturating_add(size));
        cursors.push(format!(
            r#"{{"batch_id":"{:03}","start_cursor":{},"end_cursor":{},"batch_size":{}}}"#,
            cursors.len() + 1,
            start,
            end,
            end - start
        ));
        start = end;
    }
    let result = format!(r#"{{"limit":{},"worker_count":{}}}"#, limit, cursors.len());
    Ok(Outcome::Batches { worker, cursors, result })
}

/// Goes on from the last checkpoint, for as many numbers as lie between two.
fn count_primes(context: &Context) -> Result<Outcome, Refusal> {
    if context.is_no_op() {
        return Ok(Outcome::Done(r#"{"no_op":true,"primes":0,"items_processed":0}"#.into()));
    }
    let batch = context.batch();
    let start = count(&batch, "start_cursor", "batch")?;
    let end = count(&batch, "end_cursor", "batch")?;
    let id = batch.get("batch_id").and_then(Value::as_str).unwrap_or("");
    let per_checkpoint = positive(&context.config(), "numbers_per_checkpoint")?;

    let saved = context.checkpoint();
    let gathered = saved.get("accumulated_results").cloned().unwrap_or(Value::Null);
    let tally = |key: &str| gathered.get(key).and_then(Value::as_u64).unwrap_or(0);
    let position = saved.get("cursor").and_then(Value::as_u64).unwrap_or(start);
    let stop_at = end.min(position.saturating_add(per_checkpoint));

    let asked = context.input().get("panic_in").and_then(Value::as_str) == Some(id);
    if asked && context.attempt() == 1 && position > start {
        panic!("the input asks for it, behind number {}", position - 1);
    }
    let (mut primes, mut looked_at) = (tally("primes"), tally("looked_at"));
    for number in position..stop_at {
        if number % NUMBERS_BETWEEN_POLLS == 0 {
            if let Some(stopped) = context.stop() {
                return Ok(stopped);
            }
        }
        looked_at += 1;
        primes += u64::from(is_prime(number));
    }
    let yields = tally("yields");
    if stop_at < end {
        return Ok(Outcome::Yield {
            cursor: stop_at.to_string(),
            items_processed: stop_at - start,
            accumulated: format!(r#"{{"primes":{},"looked_at":{},"yields":{}}}"#, primes, looked_at, yields + 1),
        });
    }
    context.info(&format!("batch {}: {} primes", id, primes));
    Ok(Outcome::Done(format!(
        r#"{{"batch_id":{},"primes":{},"items_processed":{},"looked_at":{},"yields":{},"attempt":{}}}"#,
        quoted(id),
        primes,
        end - start,
        looked_at,
        yields,
        context.attempt()
    )))
}

/// Adds up what the workers found.
fn sum(context: &Context) -> Result<Outcome, Refusal> {
    let analyzed = context
        .dependency(ANALYZER)
        .ok_or_else(|| refuse("MISSING_ANALYZER", format!("there is no result of step '{}'", ANALYZER)))?;
    let limit = count(&analyzed, "limit", "result")?;
    let outcome = analyzed.get("batch_processing_outcome").and_then(|outcome| outcome.get("type"));
    if outcome.and_then(Value::as_str) == Some("no_batches") {
        return Ok(Outcome::Done(format!(
            r#"{{"limit":{},"primes":0,"numbers":0,"worker_count":0,"scenario":"no_batches"}}"#,
            limit
        )));
    }
    let (mut primes, mut numbers, mut workers) = (0, 0, 0);
    for name in context.dependencies().iter().filter(|name| name.starts_with(WORKERS)) {
        let result = context.dependency(name).unwrap_or(Value::Null);
        let what = format!("result of {}", name);
        primes += count(&result, "primes", &what)?;
        numbers += count(&result, "items_processed", &what)?;
        workers += 1;
    }
    Ok(Outcome::Done(format!(
        r#"{{"limit":{},"primes":{},"numbers":{},"worker_count":{},"scenario":"with_batches"}}"#,
        limit, primes, numbers, workers
    )))
}

// ---- the plugin's table and notes ----

macro_rules! text {
    ($text:expr) => {
        concat!($text, "\0").as_ptr() as *const c_char
    };
}

unsafe extern "C" fn call_analyze(_: *mut c_void, step: *const abi::Step, call: *mut abi::Call) -> i32 {
    step::run(step, call, analyze)
}
unsafe extern "C" fn call_count_primes(_: *mut c_void, step: *const abi::Step, call: *mut abi::Call) -> i32 {
    step::run(step, call, count_primes)
}
unsafe extern "C" fn call_sum(_: *mut c_void, step: *const abi::Step, call: *mut abi::Call) -> i32 {
    step::run(step, call, sum)
}

type Run = unsafe extern "C" fn(*mut c_void, *const abi::Step, *mut abi::Call) -> i32;

/// Without an instance: what belongs to a step is in its checkpoint.
const fn handler(kind: u32, more: u64, callable: *const c_char, summary: *const c_char, run: Run) -> abi::Handler {
    abi::Handler {
        struct_size: std::mem::size_of::<abi::Handler>() as u32,
        kind,
        threads: abi::THREADS_REENTRANT,
        max_instances: 0,
        capabilities: abi::CAP_IDEMPOTENT | more,
        callable,
        version: ptr::null(),
        summary,
        methods: ptr::null(),
        method_count: 0,
        config_schema_json: ptr::null(),
        input_schema_json: ptr::null(),
        result_schema_json: ptr::null(),
        user: ptr::null(),
        create: None,
        call: Some(run),
        destroy: None,
    }
}

static ANALYZE: abi::Handler = handler(
    abi::KIND_BATCH_ANALYZER,
    0,
    text!("rust_batch.analyze"),
    text!("cuts the numbers up to a limit into batches, in Rust"),
    call_analyze,
);
static COUNT_PRIMES: abi::Handler = handler(
    abi::KIND_BATCH_WORKER,
    abi::CAP_CANCELLABLE | abi::CAP_CPU_HEAVY,
    text!("rust_batch.count_primes"),
    text!("counts the primes of a batch, with checkpoints"),
    call_count_primes,
);
static SUM: abi::Handler =
    handler(abi::KIND_STEP, 0, text!("rust_batch.sum"), text!("adds up what the batches found"), call_sum);

struct Handlers([*const abi::Handler; 3]);
unsafe impl Sync for Handlers {}
static HANDLERS: Handlers = Handlers([&ANALYZE, &COUNT_PRIMES, &SUM]);

/// The placeholder's flag is of minor 1.
const MIN_HOST_MINOR: u16 = 1;

static PLUGIN: abi::Plugin = abi::Plugin {
    struct_size: std::mem::size_of::<abi::Plugin>() as u32,
    abi_major: abi::MAJOR,
    abi_minor: abi::MINOR,
    min_host_minor: MIN_HOST_MINOR,
    reserved0: 0,
    reserved1: 0,
    id: text!("rust_batch"),
    name: text!("Batches in Rust"),
    version: text!("1.0.0"),
    vendor: ptr::null(),
    license: text!("MIT"),
    sdk: text!("tasker-rust/0.1.0"),
    handler_count: HANDLERS.0.len(),
    handlers: HANDLERS.0.as_ptr(),
    init: ptr::null(),
    shutdown: ptr::null(),
    get_extension: ptr::null(),
};

/// It must agree with the table: the host compares the two.
const MANIFEST: &str = concat!(
    r#"{"id":"rust_batch","version":"1.0.0","sdk":"tasker-rust/0.1.0","handlers":["#,
    r#"{"callable":"rust_batch.analyze","kind":"batch_analyzer","methods":[]},"#,
    r#"{"callable":"rust_batch.count_primes","kind":"batch_worker","methods":[]},"#,
    r#"{"callable":"rust_batch.sum","kind":"step","methods":[]}]}"#
);

#[used]
#[link_section = ".note.tasker"]
static ABI_NOTE: abi::Note<[u16; 4]> = abi::Note::new(abi::NOTE_ABI, 8, [abi::MAJOR, abi::MINOR, MIN_HOST_MINOR, 0]);

#[used]
#[link_section = ".note.tasker"]
static MANIFEST_NOTE: abi::Note<[u8; (MANIFEST.len() + 3) / 4 * 4]> =
    abi::Note::new(abi::NOTE_MANIFEST, MANIFEST.len() as u32, abi::padded(MANIFEST));

/// The one exported symbol.
///
/// # Safety
/// Called by a host with its table, or with null.
#[no_mangle]
pub unsafe extern "C" fn tasker_plugin_entry_v0(host: *const abi::Host) -> *const abi::Plugin {
    if host.is_null() || (*host).abi_major != abi::MAJOR {
        return ptr::null();
    }
    &PLUGIN
}

#[cfg(test)]
mod tests {
    use super::is_prime;

    #[test]
    fn primes_are_counted() {
        let up_to = |limit: u64| (0..=limit).filter(|number| is_prime(*number)).count();
        assert_eq!(up_to(1), 0);
        assert_eq!(up_to(30), 10);
        assert_eq!(up_to(10_000), 1229);
    }
}
