//! Any text as a Corefile: a configuration or one line that says what is wrong, never a panic.

#![no_main]

use std::path::Path;

use fleetdns::corefile::{self, ParseOptions};
use fleetdns::server::instance::Instance;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let options = ParseOptions { default_port: 53, env: &|_| Some("value".into()) };
    let told = match corefile::parse(Path::new("Corefile"), text, &options) {
        // Opens no socket and asks nobody.
        Ok(corefile) => Instance::build(&corefile).err(),
        Err(error) => Some(error),
    };
    if let Some(error) = told {
        let text = error.to_string();
        assert!(!text.contains('\n') && !text.is_empty(), "{text:?}");
    }
});
