//! Cases with many writers at once.

use std::sync::Barrier;

use super::{
    Arc, AtomicU64, Batch, Case, Context, Engine, Expect, Ordering, Space, StoreError, Waker, add,
    commit, counter, expecting, key, key_of, put, row, scan, thread, value, wait, whole, writing,
};

pub(super) const CASES: &[Case] = &[
    ("64 writers that add never conflict", adds_never_conflict),
    ("of 64 writers that expect one version one wins", one_of_many_wins),
    ("increments by version are never lost", increments_are_never_lost),
    ("a repeat that overtakes its first is applied once", a_parallel_repeat_is_applied_once),
    ("a dropped commit leaves all or nothing", a_dropped_commit_leaves_all_or_nothing),
    ("readers see batches whole", readers_see_batches_whole),
];

const WRITERS: u8 = 64;

fn together(work: impl Fn(u8) + Sync) {
    let start = Barrier::new(WRITERS.into());
    thread::scope(|scope| {
        for n in 0..WRITERS {
            let (start, work) = (&start, &work);
            scope.spawn(move || {
                start.wait();
                work(n);
            });
        }
    });
}

fn adds_never_conflict(engine: &Arc<dyn Engine>) {
    together(|n| {
        for round in 0..20 {
            let writes = vec![
                add(&key("all"), 1),
                add(&key([n]), round),
                add(&key_of(3, "segment"), i64::from(n).saturating_sub(31)),
            ];
            commit(engine, writing(writes));
        }
    });
    assert_eq!(counter(engine, &key("all")), Some(64 * 20));
    assert_eq!(counter(engine, &key([7])), Some(190));
    assert_eq!(counter(engine, &key_of(3, "segment")), Some(32 * 20));
}

fn one_of_many_wins(engine: &Arc<dyn Engine>) {
    for round in 0..20u8 {
        let made = commit(engine, writing(vec![put(&key("a"), [round])]));
        let wins = AtomicU64::new(0);
        together(|n| {
            let batch = expecting(
                Expect::Version(key("a"), made.version),
                vec![put(&key("a"), [n]), put(&key([b'w', n]), [round])],
            );
            match wait(engine.commit(batch)) {
                Ok(_) => {
                    wins.fetch_add(1, Ordering::Relaxed);
                    assert_eq!(value(engine, &key("a")).unwrap(), [n]);
                }
                Err(refusal) => assert_eq!(refusal, StoreError::Conflict),
            }
        });
        assert_eq!(wins.load(Ordering::Relaxed), 1);
    }
}

fn increments_are_never_lost(engine: &Arc<dyn Engine>) {
    commit(engine, writing(vec![put(&key("a"), 0u64.to_be_bytes())]));
    together(|_| {
        for _ in 0..4 {
            loop {
                let before = row(engine, &key("a")).unwrap();
                let number = u64::from_be_bytes(before.value.as_ref().try_into().unwrap());
                let batch = expecting(
                    Expect::Version(key("a"), before.version),
                    vec![put(&key("a"), number.saturating_add(1).to_be_bytes())],
                );
                match wait(engine.commit(batch)) {
                    Ok(_) => break,
                    Err(refusal) => assert_eq!(refusal, StoreError::Conflict),
                }
            }
        }
    });
    assert_eq!(value(engine, &key("a")).unwrap(), 256u64.to_be_bytes());
}

fn a_parallel_repeat_is_applied_once(engine: &Arc<dyn Engine>) {
    let batch = Batch { changes: vec![key("n")], ..writing(vec![add(&key("n"), 1)]) };
    let first = commit(engine, batch.clone());
    let shared = Batch { changes: vec![key("n")], ..writing(vec![add(&key("n"), 1)]) };
    together(|n| {
        let copy = if n % 2 == 0 { &batch } else { &shared };
        let done = commit(engine, copy.clone());
        assert_eq!(n % 2 == 0, done == first);
    });
    assert_eq!(counter(engine, &key("n")), Some(2));
    assert_eq!(engine.tick(), first.tick.next());
}

fn a_dropped_commit_leaves_all_or_nothing(engine: &Arc<dyn Engine>) {
    together(|n| {
        for round in 0..10u8 {
            let batch = writing(vec![
                put(&key([b'x', n, round]), "one"),
                put(&key_of(2, [n, round]), "two"),
                add(&key("applied"), 1),
            ]);
            let mut answer = engine.commit(batch);
            let mut context = Context::from_waker(Waker::noop());
            if round % 2 == 0 {
                // Polled once, so that it may be under way when it is dropped.
                drop(answer.as_mut().poll(&mut context));
            }
            drop(answer);
        }
    });
    // What a dropped commit left in the queue stands before this one.
    commit(engine, writing(vec![put(&key("last"), "x")]));
    let mut found = Vec::new();
    for n in 0..WRITERS {
        for round in 0..10 {
            let here = row(engine, &key([b'x', n, round])).is_some();
            assert_eq!(here, row(engine, &key_of(2, [n, round])).is_some());
            found.push(i64::from(here));
        }
    }
    assert_eq!(counter(engine, &key("applied")).unwrap_or(0), found.iter().sum());
}

fn readers_see_batches_whole(engine: &Arc<dyn Engine>) {
    let write = |round: u32| {
        let value = round.to_be_bytes().repeat(100);
        (0..20u8).map(|n| put(&key([n]), &value)).collect::<Vec<_>>()
    };
    commit(engine, writing(write(0)));
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 1..=200 {
                commit(engine, writing(write(round)));
            }
        });
        while !writer.is_finished() {
            let rows = scan(engine, &whole(Space::Lasting), 100);
            assert_eq!(rows.len(), 20);
            assert!(rows.windows(2).all(|pair| pair[0].1 == pair[1].1), "a scan is one moment");
        }
    });
}
