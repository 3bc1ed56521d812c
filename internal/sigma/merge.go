package sigma

// Merge puts sets together that were read apart. A rule of the same id in two of them is
// tried twice, and noted.
func Merge(sets ...*Set) *Set {
	all := &Set{}
	seen := map[string]string{} // id -> file
	note := func(m *Meta) {
		if file, twice := seen[m.ID]; twice && m.ID != "" {
			all.Problems = append(all.Problems, Problem{Note, m.File, m.Line, m.Ident(), "id", "the rule of this id in " + file + " is tried too"})
		}
		seen[m.ID] = m.File
	}
	for _, s := range sets {
		all.Problems = append(all.Problems, s.Problems...)
		for _, r := range s.Rules {
			note(&r.Meta)
		}
		for _, c := range s.Correlations {
			note(&c.Meta)
		}
		all.Rules = append(all.Rules, s.Rules...)
		all.Correlations = append(all.Correlations, s.Correlations...)
		all.Filters = append(all.Filters, s.Filters...)
		all.Files += s.Files
	}
	return all
}
