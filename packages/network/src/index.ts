export { createTlsIdentity, type TlsIdentity } from './certificate.js'
export type { Endpoint } from './door.js'
export { NetworkError, type NetworkErrorCode } from './errors.js'
export { type Frame, messageFrame } from './frames.js'
export {
  createMesh,
  MAX_BACKLOG_BYTES,
  MAX_FRAME_BYTES,
  type Mesh,
  type MeshHandlers,
  type MeshOptions,
  type PeerAddress,
  type PeerStatus,
} from './mesh.js'
export { PROTOCOL_VERSION } from './session.js'
