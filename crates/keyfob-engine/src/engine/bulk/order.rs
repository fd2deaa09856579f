//! The order in which operations are done that refer to one another.

/// Puts operations into an order in which each stands after those that it refers to, and otherwise in the order that they
/// have. Operations that refer to one another in a circle stand together.
///
/// `references` holds, for each operation, the numbers of those that it refers to.
///
/// # Complexity
/// Linear in the operations and references; no recursion.
pub(super) fn order(references: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut search = Search {
        references,
        nodes: vec![Node::default(); references.len()],
        path: Vec::new(),
        open: Vec::new(),
        found: 0,
        groups: Vec::new(),
    };
    for number in 0..references.len() {
        search.from(number);
    }
    search.groups
}

/// Tarjan's search for strongly connected components.
struct Search<'r> {
    references: &'r [Vec<usize>],
    nodes: Vec<Node>,
    /// The operations from the first to the one that is looked at, each with the number of references already followed.
    path: Vec<(usize, usize)>,
    /// The operations that are found and in no group yet.
    open: Vec<usize>,
    found: usize,
    groups: Vec<Vec<usize>>,
}

#[derive(Clone, Copy, Default)]
struct Node {
    /// The time at which it was found, counted from 1; 0 before.
    found: usize,
    /// The earliest operation to which it leads back.
    lowest: usize,
    is_open: bool,
}

impl Search<'_> {
    fn from(&mut self, first: usize) {
        if self.node(first).found > 0 {
            return;
        }
        self.enter(first);
        while let Some((number, followed)) = self.path.pop() {
            let references = self.references.get(number).map_or(&[][..], Vec::as_slice);
            if let Some(next) = references.get(followed) {
                self.path.push((number, followed + 1));
                let target = self.node(*next);
                if target.found == 0 {
                    self.enter(*next);
                } else if target.is_open {
                    self.leads_to(number, target.found);
                }
                continue;
            }
            let node = self.node(number);
            if let Some((parent, _)) = self.path.last() {
                let parent = *parent;
                self.leads_to(parent, node.lowest);
            }
            if node.lowest == node.found {
                self.close(number);
            }
        }
    }

    fn node(&self, number: usize) -> Node {
        self.nodes.get(number).copied().unwrap_or_default()
    }

    fn enter(&mut self, number: usize) {
        self.found += 1;
        if let Some(node) = self.nodes.get_mut(number) {
            *node = Node {
                found: self.found,
                lowest: self.found,
                is_open: true,
            };
        }
        self.open.push(number);
        self.path.push((number, 0));
    }

    fn leads_to(&mut self, number: usize, found: usize) {
        if let Some(node) = self.nodes.get_mut(number) {
            node.lowest = node.lowest.min(found);
        }
    }

    fn close(&mut self, first: usize) {
        let mut group = Vec::new();
        while let Some(number) = self.open.pop() {
            if let Some(node) = self.nodes.get_mut(number) {
                node.is_open = false;
            }
            group.push(number);
            if number == first {
                break;
            }
        }
        group.sort_unstable();
        self.groups.push(group);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_stand_after_those_that_they_refer_to() {
        for (references, expected) in [
            (vec![], vec![]),
            (vec![vec![], vec![], vec![]], vec![vec![0], vec![1], vec![2]]),
            (vec![vec![2], vec![], vec![]], vec![vec![2], vec![0], vec![1]]),
            (vec![vec![2, 1], vec![2], vec![]], vec![vec![2], vec![1], vec![0]]),
            (vec![vec![1], vec![0], vec![]], vec![vec![0, 1], vec![2]]),
            (vec![vec![0]], vec![vec![0]]),
            (
                vec![vec![1], vec![2], vec![1], vec![2]],
                vec![vec![1, 2], vec![0], vec![3]],
            ),
        ] {
            assert_eq!(order(&references), expected, "{references:?}");
        }
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let chain: Vec<Vec<usize>> = (1..=100_000).map(|next| vec![next % 100_000]).collect();
        assert_eq!(order(&chain).len(), 1);
        let chain: Vec<Vec<usize>> = (1..=100_000)
            .map(|next| if next < 100_000 { vec![next] } else { vec![] })
            .collect();
        assert_eq!(order(&chain).len(), 100_000);
    }
}
