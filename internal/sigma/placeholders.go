package sigma

import "fmt"

// Placeholders reads the values of placeholders: a YAML map from names to a value or a
// list of values, which may hold wildcards.
func Placeholders(name, text string) (map[string][]string, error) {
	docs, err := documents(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	all := map[string][]string{}
	for _, doc := range docs {
		ms, err := members(doc, "")
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, doc.Line, err)
		}
		for _, m := range ms {
			values, err := texts(m.value, m.key)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, m.at.Line, err)
			}
			if len(values) == 0 {
				return nil, fmt.Errorf("%s:%d: %s has no value", name, m.at.Line, m.key)
			}
			all[m.key] = append(all[m.key], values...)
		}
	}
	return all, nil
}
