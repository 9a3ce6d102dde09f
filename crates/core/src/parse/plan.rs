//! Where the dataset's columns are in a JSON value: a tree of keys, in the order in which they are expected.

use crate::dataset::Dataset;
use crate::json::Literal;

/// The tree; its root is the first object.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) objects: Vec<Object>,
    /// Fields of all objects: the number of different `slot`s.
    pub(crate) slots: usize,
}

/// An object that holds columns, or objects that hold columns.
#[derive(Debug, Default)]
pub(crate) struct Object {
    /// In the order of the dataset's file, which is the order in which producers tend to write them.
    pub(crate) fields: Vec<Field>,
    /// Indices into `fields`, by name.
    by_name: Vec<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: Box<[u8]>,
    /// The key with its quotes and its colon, as it usually stands in the text.
    pub(crate) key: Literal,
    /// The same behind a comma.
    pub(crate) comma_key: Literal,
    /// The field's own number among all fields of the tree.
    pub(crate) slot: usize,
    pub(crate) target: Target,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// Index of a column of the dataset.
    Column(usize),
    /// Index of an object of the plan.
    Object(usize),
}

impl Plan {
    pub(crate) fn new(dataset: &Dataset) -> Self {
        let mut plan = Self { objects: vec![Object::default()], slots: 0 };
        for (index, column) in dataset.columns.iter().enumerate() {
            let Some((name, parents)) = column.path.split_last() else { continue };
            let object = parents.iter().fold(0, |object, key| plan.object_in(object, key));
            plan.add(object, name, Target::Column(index));
        }
        for object in &mut plan.objects {
            object.by_name = (0..object.fields.len()).collect();
            object.by_name.sort_by(|&a, &b| object.fields[a].name.cmp(&object.fields[b].name));
        }
        plan
    }

    /// The object under `key`, made if it is not there yet.
    fn object_in(&mut self, object: usize, key: &str) -> usize {
        let known = self.objects[object].fields.iter().find_map(|field| match field.target {
            Target::Object(child) if *field.name == *key.as_bytes() => Some(child),
            _ => None,
        });
        known.unwrap_or_else(|| {
            let child = self.objects.len();
            self.objects.push(Object::default());
            self.add(object, key, Target::Object(child));
            child
        })
    }

    fn add(&mut self, object: usize, key: &str, target: Target) {
        // As JSON writes it: a key may hold a quote.
        let written = format!("{}:", serde_json::Value::from(key));
        self.objects[object].fields.push(Field {
            name: key.as_bytes().into(),
            key: Literal::new(written.as_bytes()),
            comma_key: Literal::new(format!(",{written}").as_bytes()),
            slot: self.slots,
            target,
        });
        self.slots += 1;
    }
}

impl Object {
    /// The index of the field with this name.
    pub(crate) fn find(&self, name: &[u8]) -> Option<usize> {
        let found = self.by_name.binary_search_by(|&index| (*self.fields[index].name).cmp(name)).ok()?;
        Some(self.by_name[found])
    }
}
