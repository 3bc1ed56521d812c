package archive

import (
	"cmp"
	"slices"
)

// collision finds two names that cannot lie side by side in every folder: equal but for
// upper and lower case, or one the directory of the other. Names are those CheckName takes.
func collision(n int, name func(int) string) (i, j int, found bool) {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	// In this order, whatever collides with a name follows it at once. Equal names stay in
	// the order they came in, so that the later one is called the duplicate.
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(compareFolded(name(a), name(b)), cmp.Compare(a, b)) })
	for k := 1; k < n; k++ {
		if collide(name(order[k-1]), name(order[k])) {
			return order[k-1], order[k], true
		}
	}
	return 0, 0, false
}

func compareFolded(a, b string) int {
	for i := range min(len(a), len(b)) {
		if c := cmp.Compare(fold(a[i]), fold(b[i])); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

func collide(a, b string) bool {
	return len(a) <= len(b) && compareFolded(a, b[:len(a)]) == 0 && (len(a) == len(b) || b[len(a)] == '/')
}

// fold puts '/' before all else, so that what lies under a name follows it at once.
func fold(c byte) byte {
	switch {
	case c == '/':
		return 0
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	}
	return c
}
