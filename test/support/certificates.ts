import { join } from 'node:path'
import { execa } from 'execa'

/** True if the machine can make certificates. */
export const hasOpenssl = (): Promise<boolean> =>
  execa('openssl', ['version'], { reject: false }).then(({ failed }) => !failed)

/**
 * Makes an authority, and certificates for localhost that it has signed, with openssl. Returns a function that gives the
 * path of a file: `ca.pem`, and `NAME.pem` and `NAME.key` for each name.
 */
export async function makeCertificates(
  folder: string,
  ...names: string[]
): Promise<(name: string) => string> {
  const path = (name: string): string => join(folder, name)
  const openssl = (args: string) => execa('openssl', args.split(' '), { cwd: folder })
  const key = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
  await openssl(`req -x509 ${key} -keyout ca.key -out ca.pem -days 1 -subj /CN=authority`)
  for (const name of names) {
    const extension = '-addext subjectAltName=DNS:localhost'
    await openssl(`req ${key} -keyout ${name}.key -out ${name}.csr -subj /CN=${name} ${extension}`)
    await openssl(
      `x509 -req -in ${name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out ${name}.pem -days 1 -copy_extensions copyall`,
    )
  }
  return path
}
