//! How much memory the process has held.

/// The most so far, in bytes, where the machine says it: Linux does.
#[must_use]
pub fn memory_peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    peak_in(&status)
}

fn peak_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_stands_in_the_status_of_the_process() {
        assert_eq!(peak_in("VmPeak:\t    2000 kB\nVmHWM:\t    1024 kB\nVmRSS:\t     512 kB\n"), Some(1 << 20));
        assert_eq!(peak_in("VmRSS:\t     512 kB\n"), None);
    }
}
