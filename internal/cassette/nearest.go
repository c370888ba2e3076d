package cassette

// fieldWeight is the distance of a field that is missing, or has another text altogether. A text that differs in part counts
// from half of it.
const fieldWeight = 20

// fieldDistance is how much a field differs: the less of a text differs, the less it counts.
func fieldDistance(d Difference) int {
	if !d.Had || !d.HasSomewhat {
		return fieldWeight
	}
	same := CommonPrefix(d.Recorded, d.Sent)
	was, is := d.Recorded[same:], d.Sent[same:]
	end := 0
	for end < min(len(was), len(is)) && was[len(was)-1-end] == is[len(is)-1-end] {
		end++
	}
	length := max(len(d.Recorded), len(d.Sent), 1)
	other := max(len(was), len(is)) - end
	return fieldWeight/2 + fieldWeight/2*other/length
}

// CommonPrefix returns how many bytes two texts begin with in common.
func CommonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}
