//! Trees of which each node knows its root in logarithmic time, while nodes are linked and cut: the link-cut trees of
//! Sleator and Tarjan, without rerooting. Threads need them to refuse loops at any depth.

const NONE: u32 = u32::MAX;

/// A forest of nodes, numbered from 0. Each path from a node to its root is kept in splay trees, ordered by depth.
#[derive(Default)]
pub(super) struct Forest {
    nodes: Vec<Node>,
}

struct Node {
    /// In the forest.
    parent: u32,
    /// In the splay tree, or else, at its top, the node above the whole path.
    above: u32,
    shallower: u32,
    deeper: u32,
}

impl Forest {
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// A new tree of one node; its number.
    pub(super) fn add(&mut self) -> u32 {
        self.nodes.push(Node { parent: NONE, above: NONE, shallower: NONE, deeper: NONE });
        (self.nodes.len() - 1) as u32
    }

    pub(super) fn parent(&self, node: u32) -> Option<u32> {
        Some(self.nodes[node as usize].parent).filter(|&parent| parent != NONE)
    }

    /// Makes `child`, which must be a root, a child of `parent`; unless that would be a loop.
    pub(super) fn link(&mut self, child: u32, parent: u32) {
        if self.parent(child).is_some() || self.root(parent) == child {
            return;
        }
        self.access(child);
        self.at(child).above = parent;
        self.at(child).parent = parent;
    }

    /// Makes a root of the node.
    pub(super) fn cut(&mut self, node: u32) {
        if self.parent(node).is_none() {
            return;
        }
        self.access(node);
        let rest = std::mem::replace(&mut self.at(node).shallower, NONE);
        if rest != NONE {
            self.at(rest).above = NONE;
        }
        self.at(node).parent = NONE;
    }

    fn root(&mut self, node: u32) -> u32 {
        self.access(node);
        let mut root = node;
        while self.at(root).shallower != NONE {
            root = self.at(root).shallower;
        }
        self.splay(root);
        root
    }

    fn at(&mut self, node: u32) -> &mut Node {
        &mut self.nodes[node as usize]
    }

    /// Brings the path from the root to the node into one splay tree, with the node on top.
    fn access(&mut self, node: u32) {
        self.splay(node);
        self.at(node).deeper = NONE;
        loop {
            let above = self.at(node).above;
            if above == NONE {
                return;
            }
            self.splay(above);
            self.at(above).deeper = node;
            self.splay(node);
        }
    }

    fn splay(&mut self, node: u32) {
        while let Some(parent) = self.splay_parent(node) {
            if let Some(grandparent) = self.splay_parent(parent) {
                let straight = (self.at(parent).deeper == node) == (self.at(grandparent).deeper == parent);
                self.rotate(if straight { parent } else { node });
            }
            self.rotate(node);
        }
    }

    /// The parent in the same splay tree.
    fn splay_parent(&mut self, node: u32) -> Option<u32> {
        let above = self.at(node).above;
        let inside = above != NONE && (self.at(above).shallower == node || self.at(above).deeper == node);
        inside.then_some(above)
    }

    /// Puts the node in the place of its parent.
    fn rotate(&mut self, node: u32) {
        let Some(parent) = self.splay_parent(node) else { return };
        let top = self.splay_parent(parent);
        let above = self.at(parent).above;
        let moved = if self.at(parent).deeper == node {
            let moved = std::mem::replace(&mut self.at(node).shallower, parent);
            self.at(parent).deeper = moved;
            moved
        } else {
            let moved = std::mem::replace(&mut self.at(node).deeper, parent);
            self.at(parent).shallower = moved;
            moved
        };
        if moved != NONE {
            self.at(moved).above = parent;
        }
        if let Some(top) = top {
            let top = self.at(top);
            *(if top.deeper == parent { &mut top.deeper } else { &mut top.shallower }) = node;
        }
        self.at(parent).above = node;
        self.at(node).above = above;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn links_are_made_unless_they_are_loops(steps in proptest::collection::vec((0_u32..12, 0_u32..12, any::<bool>()), 0..80)) {
            let mut forest = Forest::default();
            let mut parents = [None; 12];
            for number in 0..12 {
                prop_assert_eq!(forest.add(), number);
            }
            for (child, parent, cut) in steps {
                let mut above = Some(parent);
                while let Some(node) = above.filter(|&node| node != child) {
                    above = parents[node as usize];
                }
                if cut {
                    forest.cut(child);
                    parents[child as usize] = None;
                } else {
                    forest.link(child, parent);
                    if parents[child as usize].is_none() && above.is_none() {
                        parents[child as usize] = Some(parent);
                    }
                }
                for node in 0..12 {
                    prop_assert_eq!(forest.parent(node), parents[node as usize]);
                }
            }
        }
    }
}
