export { auditFeatures, type FeatureAuditOptions, type FeatureAuditReport } from './audit-features.ts';
export { checkFolder, type FolderCheck, type FolderCheckReport } from './check-folder.ts';
export type { AuditResult } from './context.ts';
export type { AuditMarket } from './market.ts';
