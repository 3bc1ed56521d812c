// Package nearest finds the word that was probably meant.
package nearest

// Word is the known word that differs least from the given one, by at most two
// edits and by less than its own length; "" if there is none.
func Word(word string, known []string) string {
	best, dist := "", 3
	for _, k := range known {
		if d := Distance(word, k); d < dist && d < len(k) {
			best, dist = k, d
		}
	}
	return best
}

// Distance is Levenshtein's, on bytes.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diag, row[j] = row[j], min(row[j]+1, row[j-1]+1, diag+cost)
		}
	}
	return row[len(b)]
}
