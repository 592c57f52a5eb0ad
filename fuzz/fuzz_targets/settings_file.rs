//! The settings file: parsed or refused with places inside it; what is in force prints back.
#![no_main]

use std::path::Path;

use jeton::settings::{Settings, SettingsError, SettingsErrors, Sources, effective_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    match parse(input) {
        Ok(settings) => {
            let printed = effective_text(&settings.effective).expect("what is in force prints");
            let again = parse(&printed).unwrap_or_else(|errors| panic!("{errors}\n{printed}"));
            let reprinted = effective_text(&again.effective).expect("what is in force prints");
            assert_eq!(values(&reprinted), values(&printed));
        }
        Err(errors) => check(input, &errors),
    }
});

fn parse(text: &str) -> Result<Settings, SettingsErrors> {
    let environment = |name: &str| (name == "HOME").then(|| String::from("/home/ann"));
    Settings::parse(text, Path::new("/config"), &Sources::default(), &environment)
}

fn check(input: &str, errors: &SettingsErrors) {
    assert!(!errors.0.is_empty());
    for error in &errors.0 {
        if let SettingsError::Syntax { line, column, .. } = error {
            assert!(*line <= input.split(['\n', '\r']).count() + 1, "line {line}");
            assert!(*column <= input.chars().count() + 2, "column {column}");
        }
    }
}

/// The lines without the remarks, which tell where a value came from.
fn values(printed: &str) -> Vec<&str> {
    printed.lines().map(|line| line.split("  # ").next().unwrap_or(line).trim_end()).collect()
}
