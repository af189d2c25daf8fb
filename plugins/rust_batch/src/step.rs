//! The safe side of a running step: what a handler may ask, what it may answer, and the wall at which panics stop.

use std::os::raw::c_char;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::{ffi::CString, ptr, slice, str};

use crate::abi::{self, Call, CallApi, Checkpoint, Failure, Str};
use crate::json::Value;

/// One running step. Valid as long as the host's call lasts.
pub struct Context<'a> {
    step: &'a abi::Step,
    api: &'a CallApi,
    call: *mut Call,
}

/// What a handler comes to; JSON as text.
pub enum Outcome {
    Done(String),
    /// One step for each cursor, run by the template's batch_worker step `worker`; without cursors one placeholder is made.
    Batches {
        worker: String,
        cursors: Vec<String>,
        result: String,
    },
    /// Not done yet: saved, and the handler is called again with it.
    Yield {
        cursor: String,
        items_processed: u64,
        accumulated: String,
    },
    /// Asked to stop: the step is released, and nobody is charged an attempt.
    Stopped {
        lease_lost: bool,
    },
}

/// A failure that trying again does not mend.
pub struct Refusal {
    pub code: &'static str,
    pub message: String,
}

pub type Handler = fn(&Context) -> Result<Outcome, Refusal>;

impl<'a> Context<'a> {
    pub fn attempt(&self) -> u32 {
        self.step.attempt
    }

    /// The placeholder of an analyzer without batches.
    pub fn is_no_op(&self) -> bool {
        self.step.flags & abi::STEP_NO_OP != 0
    }

    /// The task's input.
    pub fn input(&self) -> Value {
        parsed(self.step.context_json)
    }

    /// handler.initialization of the template's step.
    pub fn config(&self) -> Value {
        parsed(self.step.config_json)
    }

    /// The cursor of this batch.
    pub fn batch(&self) -> Value {
        parsed(self.step.batch_json)
    }

    /// What was saved before this call; null: nothing.
    pub fn checkpoint(&self) -> Value {
        parsed(self.step.checkpoint_json)
    }

    /// The names of all earlier steps that have a result.
    pub fn dependencies(&self) -> Vec<String> {
        match self.get("dep_names") {
            Some(Value::List(names)) => names.iter().filter_map(|name| name.as_str().map(String::from)).collect(),
            _ => Vec::new(),
        }
    }

    /// The result of an earlier step, without its envelope.
    pub fn dependency(&self, name: &str) -> Option<Value> {
        self.get(&format!("dep.{}", name))?.get("result").cloned()
    }

    fn get(&self, key: &str) -> Option<Value> {
        let key = CString::new(key).ok()?;
        let mut found = Str { ptr: ptr::null(), len: 0 };
        match unsafe { (self.api.get)(self.call, key.as_ptr(), &mut found) } {
            abi::OK => Value::parse(text(found)),
            _ => None,
        }
    }

    /// Is the step to stop? Cheap: to be asked often.
    pub fn stop(&self) -> Option<Outcome> {
        match unsafe { (self.api.stop_requested)(self.call) } {
            abi::STOP_NONE => None,
            reason => Some(Outcome::Stopped { lease_lost: reason == abi::STOP_LEASE_LOST }),
        }
    }

    pub fn info(&self, message: &str) {
        unsafe {
            (self.api.log)(self.call, abi::LOG_INFO, message.as_ptr() as *const c_char, message.len(), ptr::null(), 0)
        }
    }

    fn deliver(&self, outcome: Outcome) -> i32 {
        match outcome {
            Outcome::Done(result) => unsafe {
                (self.api.succeed)(self.call, result.as_ptr() as *const c_char, result.len())
            },
            Outcome::Batches { worker, cursors, result } => {
                let worker = CString::new(worker).unwrap_or_default(); // an empty name is refused, with a reason
                let cursors: Vec<Str> = cursors.iter().map(|cursor| Str::of(cursor)).collect();
                unsafe {
                    (self.api.create_batches)(
                        self.call,
                        worker.as_ptr(),
                        cursors.as_ptr(),
                        cursors.len(),
                        result.as_ptr() as *const c_char,
                        result.len(),
                    )
                }
            }
            Outcome::Yield { cursor, items_processed, accumulated } => {
                let checkpoint = Checkpoint {
                    struct_size: std::mem::size_of::<Checkpoint>() as u32,
                    reserved0: 0,
                    cursor_json: Str::of(&cursor),
                    accumulated_json: Str::of(&accumulated),
                    items_processed,
                };
                unsafe { (self.api.yield_checkpoint)(self.call, &checkpoint) }
            }
            Outcome::Stopped { lease_lost: true } => return abi::E_LEASE_LOST,
            Outcome::Stopped { lease_lost: false } => return abi::E_CANCELLED,
        };
        // Whatever was wrong with it: the host has made a failure of it that says so.
        abi::OK
    }

    fn fail(&self, error_type: &str, code: &str, message: &str, retryable: u32) -> i32 {
        let nothing = Str { ptr: ptr::null(), len: 0 };
        let failure = Failure {
            struct_size: std::mem::size_of::<Failure>() as u32,
            retryable,
            message: Str::of(message),
            error_type: Str::of(error_type),
            error_code: Str::of(code),
            context_json: nothing,
            retry_after_ms: 0,
            headers_json: nothing,
        };
        unsafe { (self.api.fail)(self.call, &failure) };
        abi::OK
    }
}

/// Runs the handler. A panic must not reach the host: it becomes a failure that is tried again.
///
/// # Safety
/// What the host hands to `call` of a handler.
pub unsafe fn run(step: *const abi::Step, call: *mut Call, handler: Handler) -> i32 {
    let step = &*step;
    let context = Context { step, api: &*step.api, call };
    let done = catch_unwind(AssertUnwindSafe(|| match handler(&context) {
        Ok(outcome) => context.deliver(outcome),
        Err(refusal) => context.fail("permanent_error", refusal.code, &refusal.message, abi::RETRY_NO),
    }));
    done.unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no text");
        let told = catch_unwind(AssertUnwindSafe(|| {
            context.fail("handler_error", "PANIC", &format!("the handler panicked: {}", said), abi::RETRY_YES)
        }));
        told.unwrap_or(abi::E_PANIC)
    })
}

/// Empty for what is no UTF-8, which the host never hands out.
fn text<'a>(from: Str) -> &'a str {
    if from.len == 0 {
        return "";
    }
    str::from_utf8(unsafe { slice::from_raw_parts(from.ptr as *const u8, from.len) }).unwrap_or("")
}

fn parsed(from: Str) -> Value {
    Value::parse(text(from)).unwrap_or(Value::Null)
}
