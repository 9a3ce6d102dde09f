//! Events of a dataset, made up: event i is a function of the seed and i, whatever was generated before it.
//!
//! ```
//! use penstock_core::dataset::Dataset;
//! use penstock_producer::{EventKind, Generator, Record, Shape};
//!
//! let iot = Dataset::shipped("iot").unwrap();
//! let shape = Shape { seed: 7, start_time_us: 1_795_219_200_000_000, ..Shape::default() };
//! let generator = Generator::new(&iot, &shape).unwrap();
//! let (mut one, mut again) = (Record::default(), Record::default());
//! assert_eq!(generator.event(4711, &mut one), EventKind::Regular);
//! generator.event(12, &mut again);
//! generator.event(4711, &mut again);
//! assert_eq!(one, again);
//! ```

use penstock_core::dataset::{Column, Dataset, Generate};

use crate::fault::{self, Fault};
use crate::plan::{EventKind, Plan};
use crate::random::{Draws, exp, ln};
use crate::shape::{self, DAY_SECS, Expected, GeneratorError, LATE_SPREAD_SECS, MICROS_PER_SECOND, Shape};
use crate::source::Record;
use crate::text::quoted;
use crate::value::{Moment, Value, present, write_absent, write_fault};

/// No clock is wrong by more: what is too far ahead stays so for years.
const FAR_AHEAD_SECS: i64 = 3650 * DAY_SECS;

/// Makes up the events of a dataset.
pub struct Generator {
    dataset: Dataset,
    shape: Shape,
    plan: Plan,
    root: Vec<Field>,
    /// One for each column; `None`: the column stays absent.
    values: Vec<Option<Value>>,
    entities: Option<Entities>,
    /// A key that no column uses, for the faults that add a field.
    spare_key: String,
    /// The key of the event's number, where nothing else keeps two events from being equal by chance.
    number_key: Option<String>,
}

/// A key of an object with the comma before and the colon behind, and what stands there.
struct Field {
    key: Vec<u8>,
    value: Node,
}

enum Node {
    Column(usize),
    Object(Vec<Field>),
}

struct Entities {
    count: u64,
    /// The logarithm of `count + 1`.
    logarithm: f64,
}

impl Generator {
    /// # Errors
    /// Shares that are none, a start that is no time, a dataset whose file does not say how to make up its events.
    pub fn new(dataset: &Dataset, shape: &Shape) -> Result<Self, GeneratorError> {
        shape::check(dataset, shape)?;
        let entities = dataset.columns.iter().find_map(|column| match column.generate {
            Some(Generate::Entity { count, .. }) => Some(Entities { count, logarithm: ln(count as f64 + 1.0) }),
            _ => None,
        });
        Ok(Self {
            plan: Plan::new(shape, Fault::of(dataset)),
            root: fields(dataset, &[]),
            values: dataset.columns.iter().map(|column| column.generate.as_ref().map(Value::of)).collect(),
            entities,
            spare_key: free_key(dataset, "note"),
            number_key: takes_equal_values_for_one(dataset).then(|| free_key(dataset, "sequence")),
            dataset: dataset.clone(),
            shape: shape.clone(),
        })
    }

    /// Writes event `number` into `record` (value, key and number) and says what it is.
    /// A key is absent only if the dataset names no key column, or the event lacks it.
    pub fn event(&self, number: u64, record: &mut Record) -> EventKind {
        let kind = self.plan.kind(number);
        match kind {
            EventKind::Duplicate { of } => self.write(of, self.plan.kind(of), record),
            kind => self.write(number, kind, record),
        }
        record.number = number;
        kind
    }

    /// How many events of which kind the run has; takes a few nanoseconds for each event.
    #[must_use]
    pub fn expected(&self) -> Expected {
        let mut expected = Expected::default();
        (0..self.shape.events).for_each(|number| expected.count(self.plan.kind(number)));
        expected
    }

    #[must_use]
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    #[must_use]
    pub const fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    fn write(&self, number: u64, kind: EventKind, record: &mut Record) {
        record.clear();
        let mut draws = Draws::of(self.shape.seed, number);
        let entity = self.entities.as_ref().map_or(0, |entities| entities.draw(&mut draws));
        let time_us = self.time(number, kind, &mut draws);
        let fault = match kind {
            EventKind::Malformed(fault) => self.place(fault, &mut draws),
            _ => None,
        };
        let mut moment = Moment { draws, entity, time_us, fault };
        self.write_object(&self.root, &mut moment, record);
        if let Some(key) = &self.number_key {
            fault::append(&mut record.value, quoted(key), number.to_string().as_bytes());
        }
        if let EventKind::Malformed(fault) = kind {
            fault::spoil(fault, &self.dataset, &self.spare_key, moment.draws.next(), &mut record.value);
        }
    }

    /// When the event happens: at its place in the stream, less what it took to arrive.
    fn time(&self, number: u64, kind: EventKind, draws: &mut Draws) -> i64 {
        let elapsed = u128::from(number) * u128::from(self.shape.spacing_nanos) / 1000;
        let nominal = self.shape.start_time_us.saturating_add(i64::try_from(elapsed).unwrap_or(i64::MAX));
        let share = draws.unit();
        let jitter = shape::jitter_secs(&self.dataset) * MICROS_PER_SECOND;
        // Most events take no time at all, and a few nearly all that there is.
        let regular = (jitter as f64 * share * share * share) as i64;
        let extra = match kind {
            EventKind::Late => {
                let least = shape::late_secs(&self.dataset) - LATE_SPREAD_SECS;
                (least as f64 + LATE_SPREAD_SECS as f64 * draws.unit()) as i64
            }
            EventKind::Malformed(Fault::TooOld) => (self.dataset.limits.max_past_days + 1) * DAY_SECS,
            EventKind::Malformed(Fault::TooFarAhead) => -self.dataset.limits.max_future_secs - FAR_AHEAD_SECS,
            _ => 0,
        };
        nominal.saturating_sub(regular).saturating_sub(extra * MICROS_PER_SECOND)
    }

    /// The column that a fault sits in; `None` if it concerns the whole event.
    fn place(&self, fault: Fault, draws: &mut Draws) -> Option<(Fault, usize)> {
        if fault == Fault::TimeUnreadable {
            return Some((fault, self.dataset.event_time));
        }
        let columns = self.dataset.columns.iter().enumerate();
        let fitting: Vec<usize> = columns.filter(|(_, column)| fault.fits(column)).map(|(index, _)| index).collect();
        let chosen = usize::try_from(draws.below(fitting.len() as u64)).unwrap_or_default();
        fitting.get(chosen).map(|column| (fault, *column))
    }

    /// Fields that are all absent leave no object behind, except at the root.
    fn write_object(&self, fields: &[Field], moment: &mut Moment, record: &mut Record) -> bool {
        let start = record.value.len();
        for Field { key, value } in fields {
            let before = record.value.len();
            record.value.extend_from_slice(key);
            let present = match value {
                Node::Column(column) => self.write_column(*column, moment, record),
                Node::Object(fields) => self.write_object(fields, moment, record),
            };
            if !present {
                record.value.truncate(before);
            }
        }
        match record.value.get_mut(start) {
            Some(comma) => *comma = b'{',
            None if start == 0 => record.value.push(b'{'),
            None => return false,
        }
        record.value.push(b'}');
        true
    }

    fn write_column(&self, index: usize, moment: &mut Moment, record: &mut Record) -> bool {
        let (Some(column), Some(Some(value))) = (self.dataset.columns.get(index), self.values.get(index)) else {
            return false;
        };
        if let Some((fault, victim)) = moment.fault
            && victim == index
        {
            return write_fault(fault, column, &mut record.value);
        }
        let present = present(column);
        if present < 1.0 && moment.draws.unit() >= present {
            return write_absent(&mut moment.draws, &mut record.value);
        }
        let start = record.value.len();
        value.write(moment, index, &mut record.value);
        if self.dataset.record_key == Some(index) {
            record.set_key(start);
        }
        true
    }
}

impl Entities {
    /// A number below `count`; its frequency falls like 1 / (number + 1), as Zipf's law has it.
    fn draw(&self, draws: &mut Draws) -> u64 {
        let rank = exp(draws.unit() * self.logarithm) as u64;
        rank.clamp(1, self.count) - 1
    }
}

/// The fields below a path, in the order of the columns.
fn fields(dataset: &Dataset, above: &[String]) -> Vec<Field> {
    let mut keys: Vec<&String> = Vec::new();
    let mut fields = Vec::new();
    for (index, column) in dataset.columns.iter().enumerate() {
        let Some([key, below @ ..]) = column.path.strip_prefix(above) else { continue };
        if keys.contains(&key) {
            continue;
        }
        keys.push(key);
        let value = if below.is_empty() {
            Node::Column(index)
        } else {
            Node::Object(self::fields(dataset, &[above, std::slice::from_ref(key)].concat()))
        };
        fields.push(Field { key: [b",".as_slice(), &quoted(key), b":"].concat(), value });
    }
    fields
}

/// A key that stands for no column.
fn free_key(dataset: &Dataset, wish: &str) -> String {
    let mut key = wish.to_owned();
    while dataset.columns.iter().any(|column| column.path.first() == Some(&key)) {
        key.push('_');
    }
    key
}

/// Whether the id is the hash of the value, and no column makes each value another.
fn takes_equal_values_for_one(dataset: &Dataset) -> bool {
    let id = dataset.id.and_then(|index| dataset.columns.get(index));
    let is_unique = |column: &Column| column.generate == Some(Generate::Id);
    id.is_some_and(|id| id.derive.is_some()) && !dataset.columns.iter().any(is_unique)
}
