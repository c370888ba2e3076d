package lenient

import "github.com/go-faster/jx"

// Over returns a decoder for a document of that length which d reads, from a stream for example.
func Over(d *jx.Decoder, length int) *Decoder {
	lent := &Decoder{Decoder: d, own: document{length, limit(length)}}
	lent.document = &lent.own
	return lent
}
