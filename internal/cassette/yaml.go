package cassette

import (
	"strings"
	"time"
	"unicode"

	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"
	"gopkg.in/yaml.v3"
)

// quotedText is a text that survives a YAML file byte for byte. The yaml package writes a text with line breaks as a literal block, which
// loses a line break in front, and which it cannot read again with a tab in front. Such a text is written between double quotes.
type quotedText string

// MarshalYAML implements yaml.Marshaler.
func (t quotedText) MarshalYAML() (any, error) {
	if literal(string(t)) {
		return string(t), nil
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: string(t)}, nil
}

// literal reports whether the yaml package may choose the style of a text. A text that is not UTF-8 becomes base64. A key << without
// quotes is an instruction of YAML.
func literal(s string) bool {
	if s == "" || strings.ToValidUTF8(s, "") != s {
		return true
	}
	if s == "<<" || strings.IndexByte(" \t\n", s[0]) >= 0 || strings.HasSuffix(s, "\n\n") || strings.Contains(s, "\n\t") {
		return false
	}
	return strings.IndexFunc(s, func(c rune) bool { return c != '\n' && c != '\t' && !unicode.IsPrint(c) }) < 0
}

// yamlCassette, yamlInteraction, yamlRequest and yamlResponse are the types of go-vcr with texts that survive. They differ from them in
// nothing else: same fields, same names, same order.
type (
	yamlCassette struct {
		Version      int               `yaml:"version"`
		Interactions []yamlInteraction `yaml:"interactions"`
	}
	yamlInteraction struct {
		ID       int          `yaml:"id"`
		Request  yamlRequest  `yaml:"request"`
		Response yamlResponse `yaml:"response"`
	}
	yamlRequest struct {
		Proto            quotedText   `yaml:"proto"`
		ProtoMajor       int          `yaml:"proto_major"`
		ProtoMinor       int          `yaml:"proto_minor"`
		ContentLength    int64        `yaml:"content_length"`
		TransferEncoding []quotedText `yaml:"transfer_encoding"`
		Trailer          yamlValues   `yaml:"trailer"`
		Host             quotedText   `yaml:"host"`
		RemoteAddr       quotedText   `yaml:"remote_addr"`
		RequestURI       quotedText   `yaml:"request_uri"`
		Body             yamlBody     `yaml:"body"`
		Form             yamlValues   `yaml:"form"`
		Headers          yamlValues   `yaml:"headers"`
		URL              quotedText   `yaml:"url"`
		Method           quotedText   `yaml:"method"`
	}
	yamlResponse struct {
		Proto            quotedText    `yaml:"proto"`
		ProtoMajor       int           `yaml:"proto_major"`
		ProtoMinor       int           `yaml:"proto_minor"`
		TransferEncoding []quotedText  `yaml:"transfer_encoding"`
		Trailer          yamlValues    `yaml:"trailer"`
		ContentLength    int64         `yaml:"content_length"`
		Uncompressed     bool          `yaml:"uncompressed"`
		Body             yamlBody      `yaml:"body"`
		Headers          yamlValues    `yaml:"headers"`
		Status           quotedText    `yaml:"status"`
		Code             int           `yaml:"code"`
		Duration         time.Duration `yaml:"duration"`
	}
	yamlValues map[quotedText][]quotedText
)

func textsOf(in []string) (out []quotedText) {
	for _, s := range in {
		out = append(out, quotedText(s))
	}
	return out
}

func valuesOf(in map[string][]string) yamlValues {
	out := make(yamlValues, len(in))
	for name, values := range in {
		out[quotedText(name)] = textsOf(values)
	}
	return out
}

// encodeHTTP returns the contents of <name>.http.yaml.
func encodeHTTP(exchanges []*Exchange) ([]byte, error) {
	var bodies folder
	c := yamlCassette{Version: vcr.CassetteFormatV2, Interactions: []yamlInteraction{}}
	for _, e := range exchanges {
		req, resp := &e.Request, &e.Response
		c.Interactions = append(c.Interactions, yamlInteraction{
			ID: e.ID,
			Request: yamlRequest{
				Proto: quotedText(req.Proto), ProtoMajor: req.ProtoMajor, ProtoMinor: req.ProtoMinor, ContentLength: req.ContentLength,
				TransferEncoding: textsOf(req.TransferEncoding), Trailer: valuesOf(req.Trailer), Host: quotedText(req.Host),
				RemoteAddr: quotedText(req.RemoteAddr), RequestURI: quotedText(req.RequestURI), Body: bodies.body(req.Body),
				Form: valuesOf(req.Form), Headers: valuesOf(req.Headers), URL: quotedText(req.URL), Method: quotedText(req.Method),
			},
			Response: yamlResponse{
				Proto: quotedText(resp.Proto), ProtoMajor: resp.ProtoMajor, ProtoMinor: resp.ProtoMinor,
				TransferEncoding: textsOf(resp.TransferEncoding), Trailer: valuesOf(resp.Trailer), ContentLength: resp.ContentLength,
				Uncompressed: resp.Uncompressed, Body: bodies.body(resp.Body), Headers: valuesOf(resp.Headers), Status: quotedText(resp.Status),
				Code: resp.Code, Duration: resp.Duration,
			},
		})
	}
	b, err := yaml.Marshal(c)
	if err != nil {
		return nil, err
	}
	return append([]byte("---\n"), bodies.fill(b)...), nil // as go-vcr does
}
